"""Synthesize a build directory, each module in a process of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.flows.process import end_group, unwound_by_signals
from boards.synthesis import cache
from boards.synthesis.cache import yosys_version
from boards.synthesis.cells import FAMILIES, resources_of
from boards.synthesis.errors import SynthesisError
from boards.synthesis.result import LogicPath, ModuleSynthesis, Synthesis

__all__ = ["synthesize"]

TOP = "top"
INSTANCE = re.compile(r"^ +(\w+) +\\?\S+ +\(", re.MULTILINE)
PATIENCE = 0.05
"""Seconds between looks at running processes."""

Found = dict[str, Any]


def synthesize(
    directory: Path,
    *,
    command: str,
    block_ram: str,
    workers: int = 2,
    progress: Callable[[str], None] = lambda step: None,
) -> Synthesis:
    """Synthesize the Verilog of a build directory.

    Parameters
    ----------
    directory : Path
        A build directory: `rtl/top.v`, and a file for each stage.
    command : str
        Yosys' command for the family, one of `FAMILIES`.
    block_ram : str
        What the board calls its block RAM.
    workers : int
        Most processes at a time; each takes up to a few gigabytes on the largest stages.
    progress : callable
        Is told of each finished module.

    Raises
    ------
    SynthesisError
        Yosys failed on a module; all that is finished stays in the cache.
    """
    if command not in FAMILIES:
        raise SynthesisError(command, "is no family that can be synthesized", f"add it beside {[*FAMILIES]}")
    rtl = (Path(directory) / "rtl").resolve()
    modules = _contained(rtl)
    session = _Session(rtl, FAMILIES[command].command, modules, workers, progress)
    found = session.run()
    return _assemble(found, FAMILIES[command].command, block_ram)


def _contained(rtl: Path) -> dict[str, set[str]]:
    """Return every module that has a file, with those of other files in it."""
    texts = {path.stem: path.read_text() for path in sorted(rtl.glob("*.v"))}
    return {
        name: {part for part in INSTANCE.findall(text) if part in texts and part != name}
        for name, text in texts.items()
    }


@dataclass
class _Running:
    module: str
    key: str
    process: subprocess.Popen
    log: Path
    result: Path


class _Session:
    """Modules on their way: those without others in them first, then those that hold them."""

    def __init__(
        self, rtl: Path, command: str, modules: Mapping[str, set[str]], workers: int,
        progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.rtl, self.command, self.modules, self.workers = rtl, command, modules, workers
        self.progress = progress
        self.found: dict[str, Found] = {}
        self.running: list[_Running] = []
        size = {name: (rtl / f"{name}.v").stat().st_size for name in modules}
        self.waiting = sorted(modules, key=lambda name: -size[name])

    def run(self) -> dict[str, Found]:
        """Return what was found of each module."""
        with unwound_by_signals(), tempfile.TemporaryDirectory(prefix="zeroskip-") as scratch:
            try:
                while self.waiting or self.running:
                    self._start_what_can_start(Path(scratch))
                    self._collect()
            finally:
                for job in self.running:
                    end_group(job.process)
        return self.found

    def _start_what_can_start(self, scratch: Path) -> None:
        for module in list(self.waiting):
            if len(self.running) == self.workers or not self.modules[module] <= self.found.keys():
                continue
            self.waiting.remove(module)
            boxes = {name: self.found[name]["timing"] for name in sorted(self.modules[module])}
            facts = {"command": self.command, "boxes": boxes}
            key = cache.content_key(self.rtl, module, facts)
            known = cache.read(key)
            if known is not None:
                self._finish(module, {**known, "cached": True})
            else:
                self.running.append(self._start(scratch, module, key, boxes))

    def _start(self, scratch: Path, module: str, key: str, boxes: Found) -> _Running:
        log, result, task = (scratch / f"{module}.{kind}" for kind in ("log", "result", "json"))
        job = {
            "module": module, "command": self.command, "boxes": boxes, "log": str(log),
            "result": str(result),
        }  # fmt: skip
        task.write_text(json.dumps(job))
        root = str(Path(__file__).parents[2])
        with (scratch / f"{module}.out").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "boards.synthesis.job", str(task)],
                cwd=self.rtl,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return _Running(module, key, process, log, result)

    def _collect(self) -> None:
        for job in list(self.running):
            status = job.process.poll()
            if status is None:
                continue
            self.running.remove(job)
            if status or not job.result.is_file():
                what = f"Yosys failed with status {status}: {_gist(job.log)}"
                raise SynthesisError(job.module, what, "report this with the build directory's rtl folder")
            found = json.loads(job.result.read_text())
            cache.write(job.key, found)
            self._finish(job.module, {**found, "cached": False})
        if self.running:
            time.sleep(PATIENCE)

    def _finish(self, module: str, found: Found) -> None:
        self.found[module] = found
        taken = "from the cache" if found["cached"] else f"{found['seconds']:.1f} s"
        self.progress(f"{module} synthesized, {taken} ({len(self.found)} of {len(self.modules)})")


def _gist(log: Path) -> str:
    """Return what Yosys said last: its error, or else the step at which it died; or what Python said."""
    output = log.with_suffix(".out")
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    errors = [line for line in lines if "ERROR:" in line]
    said = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    steps = [line for line in lines if "Executing" in line]
    return " ".join((errors or said[-1:] or steps[-1:] or ["no output"])[-1].split())


def _assemble(found: Mapping[str, Found], command: str, block_ram: str) -> Synthesis:
    instances = {name: _instances(found, name) for name in found}
    modules = [_module(name, found[name], instances[name], block_ram) for name in found]
    cells: dict[str, int] = {}
    for name, each in found.items():
        for kind, count in each["cells"].items():
            cells[kind] = cells.get(kind, 0) + count * instances[name]
    deepest = max((found[name]["path"] for name in found), key=lambda path: path["levels"])
    return Synthesis(
        tool=f"Yosys {yosys_version()}",
        command=command,
        modules=tuple(sorted(modules, key=lambda module: module.name)) + _parts(found, block_ram),
        resources=resources_of(cells, block_ram),
        path=_path(deepest),
    )


def _instances(found: Mapping[str, Found], name: str) -> int:
    """Return how many of a module the design has, through all that contain it."""
    if name == TOP:
        return 1
    return sum(
        each["boxes"][name] * _instances(found, holder)
        for holder, each in found.items()
        if name in each["boxes"]
    )


def _path(path: Found) -> LogicPath:
    return LogicPath(path["levels"], path["start"], path["end"], tuple(path["cells"]))


def _module(name: str, found: Found, instances: int, block_ram: str) -> ModuleSynthesis:
    return ModuleSynthesis(
        name=name,
        instances=instances,
        resources=resources_of(found["cells"], block_ram),
        path=_path(found["path"]),
        delay_ps=found["delay_ps"],
        seconds=found["seconds"],
        cached=found["cached"],
    )


def _parts(found: Mapping[str, Found], block_ram: str) -> tuple[ModuleSynthesis, ...]:
    """Return the parts of the top module that have no file of their own."""
    top = found[TOP]
    none = {"levels": 0, "start": "", "end": "", "cells": []}
    parts = {part: resources_of(cells, block_ram) for part, cells in top["parts"].items() if part}
    return tuple(
        ModuleSynthesis(f"{TOP}/{part}", 1, taken, _path(none), 0.0, 0.0, top["cached"])
        for part, taken in sorted(parts.items())
        if any(taken.values())
    )
