"""Simulate small designs by the hundred: the harness of `sim/` in Verilator, without cocotb around it.

A simulator takes some two seconds to build instead of fifteen: all its C++ is one file, behind a precompiled
header, and clock and reset come from a few lines of C++.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.contract import Contract
from sim.errors import SimulationError
from sim.faults import Played
from sim.harness import SOURCES, harness_parameters, taps_source
from sim.inside import fault_inside
from sim.judge import judge, measure
from sim.locate import broken_streams
from sim.recording import Recording, read_choices, read_recording, read_stuck, read_taps
from sim.script import Script
from sim.session import Session
from sim.toolchain import build_environment, simulator_name
from sim.verilator import scratch_folder

__all__ = ["Run", "build", "play", "run"]

MAIN = Path(__file__).with_suffix(".cpp")
OPTIONS = (
    "--cc --no-timing --threads 1 --x-assign fast --output-split 0 "
    "-Wno-fatal -Wno-lint -Wno-style --prefix Vtop --top-module harness"
).split()
MACROS = ("-DVM_TIMING=0", "-DVM_COVERAGE=0", "-DVM_SC=0", "-std=c++17", "-pthread", "-w")
RUNTIME = ("verilated", "verilated_threads", "verilated_dpi")


@dataclass(frozen=True)
class Run:
    """One stall pattern's run: what came out, and what is wrong with it, or None."""

    recording: Recording
    fault: str | None


def build(
    contract: Contract,
    sources: Sequence[Path],
    target: Path,
    *,
    optimize: str = "-O0",
    options: Sequence[str] = (),
    activity: bool = False,
    seconds: int = 600,
) -> Path:
    """Build a simulator of `harness` around the module `top` of some Verilog, and return it.

    Parameters
    ----------
    contract : Contract
        Ports of `top`, and the internal streams to watch.
    sources : sequence of Path
        Verilog files.
    target : Path
        The executable to write.
    optimize : str
        For the C++ compiler: `-O0` pays for runs of some thousand cycles.
    options : sequence of str
        More of Verilator's.
    activity : bool
        Whether `+wave_file` is written, in SAIF: how often each bit changed.
    seconds : int
        That compiling may take; raises SimulationError after them.
    """
    environment = build_environment()
    macros = (*MACROS, f"-DVM_TRACE={int(activity)}", *["-DVM_TRACE_SAIF=1"] * activity)
    options = [*options, *["--trace-saif"] * activity]
    runtime = _runtime(environment, optimize, macros, [*RUNTIME, *["verilated_saif_c"] * activity])
    with scratch_folder() as folder:
        (folder / "taps.sv").write_text(taps_source(contract))
        parameters = [f"-G{name}={value}" for name, value in harness_parameters(contract).items()]
        inputs = [*SOURCES, folder / "taps.sv", *(source.resolve() for source in sources)]
        verilator = shutil.which("verilator", path=environment["PATH"]) or "verilator"
        generated = folder / "obj"
        _call([verilator, "--Mdir", generated, *OPTIONS, *options, *parameters, *inputs], environment)
        parts = sorted(path.name for path in generated.glob("Vtop*.cpp"))
        whole = generated / "whole.cpp"
        whole.write_text("".join(f'#include "{part}"\n' for part in [*parts, MAIN]))
        _call(
            ["g++", optimize, *_includes(environment), *macros, f"-I{generated}", "-include", runtime / "h.h",
             "-o", folder / "simulator", whole, *sorted(runtime.glob("*.o"))],
            environment,
            seconds=seconds,
        )  # fmt: skip
        shutil.move(folder / "simulator", target)
    return target


def _includes(environment: Mapping[str, str]) -> list[str]:
    root = Path(environment.get("VERILATOR_ROOT") or sysconfig.get_path("data"), "include")
    return [f"-I{root}", f"-I{root / 'vltstd'}"]


def _runtime(
    environment: Mapping[str, str], optimize: str, macros: Sequence[str], library: Sequence[str]
) -> Path:
    """Return the folder with Verilator's library and its header, both compiled; made once, whole."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    facts = [simulator_name(), sys.prefix, optimize, *macros]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    kept = home / "zeroskip" / f"lean-{key}"
    if kept.is_dir():
        return kept
    partial = kept.with_name(f"{kept.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        compiler = ["g++", optimize, *_includes(environment), *macros]
        (partial / "h.h").write_text('#include "verilated.h"\n')
        _call([*compiler, "-x", "c++-header", partial / "h.h"], environment)
        sources = Path(_includes(environment)[0].removeprefix("-I"))
        for name in library:
            _call([*compiler, "-c", sources / f"{name}.cpp", "-o", partial / f"{name}.o"], environment)
        if not kept.is_dir():
            partial.rename(kept)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return kept


def run(
    simulator: Path,
    session: Session,
    stall: str,
    more: Mapping[str, int | str] | None = None,
    seconds: int = 120,
) -> Run:
    """Play the session's vectors under one stall pattern, and judge as `verify` does.

    `more` are plusargs besides the session's. Raises SimulationError after `seconds`.
    """
    played = play(simulator, session, session.plusargs(stall) | dict(more or {}), seconds=seconds)
    recording = played.recording.since_reset()
    broken = broken_streams(session.contract, played.logs, played.choices)
    fault = judge(recording, session.vectors, session.contract.output, broken).fault or fault_inside(
        session.contract, played.logs, played.choices, session.layers
    )
    if fault:
        return Run(recording, f"{stall}, frame {fault.frame}, cycle {fault.cycle}: {fault.what}")
    if stall == "none" and not (timing := measure(recording, session.contract.predicted)).holds:
        return Run(recording, f"{stall}: {timing} breaks the prediction")
    return Run(recording, None)


def play(
    simulator: Path,
    session: Session,
    plusargs: Mapping[str, int | str],
    script: Script | None = None,
    seconds: int = 120,
) -> Played:
    """Run once: the session's vectors, or a script. Raises SimulationError after `seconds`."""
    with scratch_folder() as folder:
        (folder / "images").symlink_to((session.directory / "rtl" / "images").resolve())
        session.write_input(folder, dict(plusargs), script)
        arguments = [f"+{name}={value}" for name, value in plusargs.items()]
        arguments += [f"+verilator+seed+{plusargs['seed']}", "+verilator+rand+reset+2"]
        _call([simulator, *arguments], dict(os.environ), folder, seconds)
        logs = read_taps(folder, len(session.contract.streams))
        return Played(read_recording(folder), logs, read_choices(folder), read_stuck(folder))


def _call(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path | None = None,
    seconds: int = 600,
) -> None:
    try:
        result = subprocess.run(
            list(map(str, command)), env=environment, cwd=folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SimulationError(Path(command[0]).name, f"took more than {seconds} s") from error
    if result.returncode:
        gist = " | ".join((result.stderr + result.stdout).strip().splitlines()[:5])
        raise SimulationError(Path(command[0]).name, f"failed with status {result.returncode}: {gist}")
