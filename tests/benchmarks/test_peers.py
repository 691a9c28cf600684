"""Peers run in environments of their own, in which nothing of ours can be imported by mistake."""

import sys
from pathlib import Path

import pytest

from benchmarks.peers import environment

SCRIPT = """
import importlib.util, json, sys
from pathlib import Path

if sys.argv[1] == "fail":
    raise ValueError("it was told to")
names = ["beside"]
Path(sys.argv[-1]).write_text(json.dumps({name: bool(importlib.util.find_spec(name)) for name in names}))
"""


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Let scripts lie in a folder beside a module that is called like what they import."""
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "beside.py").write_text("")
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    monkeypatch.setattr(environment, "_python", lambda peer: Path(sys.executable))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_script_sees_neither_its_neighbors_nor_the_path(scripts):
    assert environment.call("nngen", "script", "answer")["beside"] is False


def test_a_script_that_fails_says_why(scripts):
    with pytest.raises(RuntimeError, match="script failed: .*ValueError: it was told to"):
        environment.call("nngen", "script", "fail")
