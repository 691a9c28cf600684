"""`RESULTS.md` and its pictures from `results.json`: every figure of the page is one of the file."""

from collections.abc import Sequence
from typing import Any

from benchmarks.goals import GOALS
from benchmarks.parts import PARTS, TABLES, Table
from benchmarks.results import RESULTS, Part, load, rows

__all__ = ["PAGE", "PICTURES", "pictures", "render", "write"]

PAGE = RESULTS.with_name("RESULTS.md")
PICTURES = RESULTS.with_name("pictures")
NOTHING = "–"

HEAD = """# Results

Made by `make bench` from `results.json`; nothing here is typed by hand. Behind each figure stands what kind
it is: *predicted* by the compiler, *simulated* in Verilator, *synthesized* with Yosys and not placed,
*assumed*, *counted*, *estimated* by somebody else's tool, or *measured* on a machine that was busy with
other work: compare times within a table, not with those of other machines. Words a second are instances ×
clock ÷ interval.
"""

Json = dict[str, Any]


def render(results: Json) -> str:
    """Return the page: a section a table, for those that have been measured."""
    measured = [table for table in TABLES if rows(results, _parts(table))]
    head = ["", "goal", "found", "", "held by"]
    goals = ["## Goals", "", *_table([head, *(goal.row(results) for goal in GOALS)], "---")]
    return HEAD + "\n".join(["", *goals, ""]) + "".join(f"\n{_section(table, results)}" for table in measured)


def pictures(results: Json) -> dict[str, str]:
    """Return the SVG text of every picture whose table has been measured, by file name."""
    return {
        name: draw(found)
        for table in TABLES
        if (found := rows(results, _parts(table)))
        for name, draw in table.pictures.items()
    }


def write() -> None:
    """Write the page and the pictures anew."""
    results = load()
    PICTURES.mkdir(exist_ok=True)
    for name, text in pictures(results).items():
        (PICTURES / name).write_text(text)
    PAGE.write_text(render(results))


def _parts(table: Table) -> list[Part]:
    return [part for part in PARTS if part.group == table.group]


def _section(table: Table, results: Json) -> str:
    parts = [part for part in _parts(table) if part.name in results]
    found = rows(results, parts)
    figures = [name for name in parts[0].kinds if any(name in row for row in found)]
    same = [name for name in figures if len(found) > 1 and len({str(row.get(name)) for row in found}) == 1]
    varying = [name for name in figures if name not in same]
    lines = [f"## {table.title}", "", table.text.strip(), ""]
    lines += [f"![{table.title}](pictures/{name})" for name in table.pictures]
    lines += [""] * bool(table.pictures)
    grid = [["", *(f"{_words(name)}, *{parts[0].kinds[name]}*" for name in varying)]]
    grid += [[_words(row["point"]), *(_text(row.get(name)) for name in varying)] for row in found]
    if len(varying) > len(found):
        grid = [list(column) for column in zip(*grid, strict=True)]
    lines += _table(grid)
    if same:
        shared = (f"{_words(name)} {_text(found[0][name])} (*{parts[0].kinds[name]}*)" for name in same)
        lines += ["", f"The same for all: {', '.join(shared)}."]
    return "\n".join([*lines, "", _origin(table, [results[part.name] for part in parts]), ""])


def _table(grid: Sequence[Sequence[str]], alignment: str = "--:") -> list[str]:
    head, *body = grid
    rule = ["---", *[alignment] * (len(head) - 1)]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *body)]


def _origin(table: Table, entries: list[Json]) -> str:
    """Return what to run, when it was run, how long it took and with which versions."""
    days = sorted({entry["date"] for entry in entries})
    tools = {tool: sorted({entry["tools"][tool] for entry in entries}) for tool in entries[0]["tools"]}
    versions = ", ".join(f"{tool} {' and '.join(found)}" for tool, found in tools.items())
    seconds = sum(entry["seconds"] for entry in entries)
    when = " to ".join(dict.fromkeys([days[0], days[-1]]))
    return f"`make bench PART={table.group}`, {when}, {seconds:,.0f} s; {versions}."


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)
