"""`RESULTS.md` from `results.json`: every figure of the page is one of the file."""

from pathlib import Path
from typing import Any

from benchmarks.results import RESULTS, load

__all__ = ["PAGE", "render"]

PAGE = RESULTS.with_name("RESULTS.md")

HEAD = """# Results

Made by `make bench` from `results.json`; nothing here is typed by hand. Behind each figure stands what kind
it is: *predicted* by the compiler, *simulated* in Verilator, *synthesized* with Yosys and not placed,
*assumed*, *counted*, or *measured* on a machine that may have been busy with other work. Words a second are
instances × clock ÷ interval.
"""


def render(results: dict[str, Any]) -> str:
    """Return the page: a section a part, a line a figure."""
    return HEAD + "".join(f"\n{_section(name, part)}" for name, part in results.items())


def _section(name: str, part: dict[str, Any]) -> str:
    tools = ", ".join(f"{tool} {version}" for tool, version in part["tools"].items())
    lines = [f"## {name}", "", "| figure | | kind |", "|---|---|---|"]
    lines += [
        f"| {figure.replace('_', ' ')} | {_text(found['value'])} | {found['kind']} |"
        for figure, found in part["figures"].items()
    ]
    lines += ["", f"`{part['command']}`, {part['date']}, {part['seconds']:g} s; {tools}."]
    return "\n".join(lines) + "\n"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int | float) else f"`{value}`"


def write(path: Path = PAGE) -> None:
    """Write the page anew."""
    path.write_text(render(load()))
