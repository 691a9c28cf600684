"""Synthesize one module: run as a program, since Yosys ends its process where it fails.

`python -m boards.synthesis.job JOB.json` in the folder of the Verilog, with in JOB.json: `module`,
`command`, `boxes` (timing of modules in other files that it contains) and `log`, `result` (files to write).
"""

import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boards.synthesis.apart import map_apart
from boards.synthesis.brackets import plain, rename_brackets
from boards.synthesis.depth import measure
from boards.synthesis.timing import PortTiming, timing_from_json, timing_to_json

__all__ = ["MAP_LUTS", "synthesize_module"]

MAP_LUTS = "map_luts"
MANY_MODULES = 1_000
"""Modules that Yosys may have at a time: some of its passes look at all of them for each."""
DELAY = re.compile(r"Del =\s*(\d+(?:\.\d+)?)")


def synthesize_module(job: dict[str, Any]) -> dict[str, Any]:
    """Return cells, deepest path and timing of a module of the current folder."""
    started = time.monotonic()
    boxes = {name: timing_from_json(found) for name, found in job["boxes"].items()}
    with tempfile.TemporaryDirectory() as scratch:
        module = _netlist(job, boxes, Path(scratch))
    kinds = Counter(cell["type"] for cell in module["cells"].values() if not cell["type"].startswith("$"))
    parts: dict[str, Counter[str]] = {}
    for name, cell in module["cells"].items():
        # `flatten` puts the names of submodules first; those that only wrap a box hold nothing else.
        part = name.removeprefix("$flatten\\").partition(".")
        key = part[0] if part[1] and not part[0].startswith("$") else ""
        parts.setdefault(key, Counter())[cell["type"]] += 1
    path, timing = measure(module, boxes)
    return {
        "cells": {kind: count for kind, count in kinds.items() if kind not in boxes},
        "parts": parts,
        "boxes": {kind: count for kind, count in kinds.items() if kind in boxes},
        "path": path,
        "timing": timing_to_json(timing),
        "delay_ps": _delay_ps(Path(job["log"]).read_text(errors="replace")),
        "seconds": round(time.monotonic() - started, 1),
    }


def _delay_ps(log: str) -> float:
    """Return the longest delay after each mapping's last improvement."""
    mappings = (DELAY.findall(part) for part in log.split("+ &if")[1:])
    return max((float(delays[-1]) for delays in mappings if delays), default=0.0)


def _netlist(job: dict[str, Any], boxes: dict[str, PortTiming], scratch: Path) -> dict[str, Any]:
    """Return the mapped module, flattened after mapping."""
    from pyosys import libyosys

    name, design = job["module"], libyosys.Design()

    def run(command: str) -> None:
        design.run_pass(f"tee -q -a {job['log']} {command}")

    run(f"read_verilog -sv {name}.v")
    if boxes:
        stubs = scratch / "boxes.v"
        stubs.write_text("\n".join(_stub(box, timing) for box, timing in boxes.items()))
        run(f"read_verilog -lib {stubs}")
    run(f"hierarchy -check -top {name}")
    _open_leaves(design, run, name)
    run(f"{job['command']} -top {name} -run begin:{MAP_LUTS}")
    rename_brackets(libyosys, design)
    map_apart(design, run, f"{job['command']} -run {MAP_LUTS}:check", scratch)
    run(f"hierarchy -top {name}")
    # The family's cells are boxes from here on, or `flatten` would open them.
    for command in ("blackbox =A:whitebox", "flatten", "clean", f"select {name}"):
        run(command)
    run(f"write_json -selected {scratch / 'netlist.json'}")
    return json.loads((scratch / "netlist.json").read_text())["modules"][name]


def _open_leaves(design: Any, run: Callable[[str], None], top: str) -> None:
    """Open the innermost modules, level by level, until there are no more than `MANY_MODULES`."""
    while len(modules := design.selected_modules()) > MANY_MODULES:
        names = {plain(module.name) for module in modules}
        inner = {
            plain(module.name): {plain(cell.type) for cell in module.cells_.values()} & names
            for module in modules
        }
        holders = (name for name, held in inner.items() if held and not any(inner[leaf] for leaf in held))
        run(f"flatten {' '.join(holders)}")
        run(f"hierarchy -top {top}")


def _stub(name: str, timing: PortTiming) -> str:
    ports = ", ".join(f"{way} [{width - 1}:0] {port}" for port, (way, width) in timing.ports.items())
    return f"(* blackbox *) module {name}({ports}); endmodule"


def main() -> None:
    """Do the job in the file that the command line names."""
    job = json.loads(Path(sys.argv[1]).read_text())
    Path(job["result"]).write_text(json.dumps(synthesize_module(job)))


if __name__ == "__main__":
    main()
