"""What the documents show must work: links, commands and code."""

import doctest
import importlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from compiler.command_line.arguments import parse_arguments
from compiler.frontend import examine

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("boards", "compiler", "hdl", "models", "sim")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


def blocks(path):
    """Return the Python code of a document, a string a block."""
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def commands(text):
    """Return the `python -m compiler` lines of an indented block, without their comments."""
    return re.findall(r"^    python -m compiler (.*?)(?:\s{2,}#.*)?$", text, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert [link for link in links if not ((ROOT / name).parent / link).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_such_that_the_command_line_takes_them(name):
    lines = commands((ROOT / name).read_text(encoding="utf-8"))
    parsed = [parse_arguments(shlex.split(line)).command for line in lines]
    assert parsed == [line.split()[0] for line in lines]


@pytest.mark.parametrize("name", NAMES)
def test_python_is_python(name):
    for block in blocks(ROOT / name):
        assert compile(block, name, "exec")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_reference_names_every_option_of_every_command(capsys):
    reference = (ROOT / "docs/reference/command_line.md").read_text(encoding="utf-8")
    for command in ("build", "verify", "check", "inspect", "boards", "doctor"):
        with pytest.raises(SystemExit):
            parse_arguments([command, "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out.partition("examples:")[0]))
        assert f"`{command}" in reference
        assert {option for option in options - {"--help"} if option not in reference} == set()


def test_make_targets_in_the_readme_exist():
    targets = re.findall(r"^    make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_the_tutorial_trains_a_network_that_compiles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks(ROOT / "docs/tutorial.md")), "tutorial", "exec"), {})
    assert examine(tmp_path / "bars.pt").problems == ()
    with np.load("test.npz") as test:
        logits = torch.load("bars.pt", weights_only=False)(torch.from_numpy(test["x"]))
        assert (logits.argmax(dim=1).numpy() == test["y"]).mean() > 0.9
