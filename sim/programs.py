"""Run programs: each in its own process group, with a log, and ended whole if anything comes between."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sim.errors import SimulationError

__all__ = ["Program", "cores", "run_program", "run_programs"]

PATIENCE = 0.005
"""Seconds between two looks at programs that run."""


@dataclass(frozen=True)
class Program:
    """A program to run in `folder`, where its output becomes `NAME.log`."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        """What it said."""
        return self.folder / f"{self.name}.log"


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_program(program: Program) -> Path:
    """Run a program to its end and return its log."""
    with closing(run_programs([program])) as ends:
        next(ends)
    return program.log


def run_programs(programs: Sequence[Program]) -> Iterator[tuple[int, float]]:
    """Run programs, as many at a time as there are cores, and tell of each as it ends.

    Whoever stops asking closes this, which ends what still runs.

    Yields
    ------
    number, seconds : int, float
        Its place in `programs`, and how long it ran.

    Raises
    ------
    SimulationError
        If one fails, with the lines of its log that say why.
    """
    waiting, running = list(enumerate(programs)), {}
    try:
        while waiting or running:
            ended = [number for number, (process, _) in running.items() if process.poll() is not None]
            finished = [(number, *running.pop(number)) for number in ended]
            while waiting and len(running) < cores():  # before whoever asks looks at what ended
                number, program = waiting.pop(0)
                running[number] = _start(program), time.monotonic()
            for number, process, started in finished:
                if process.returncode:
                    raise _failure(programs[number], process.returncode)
                yield number, round(time.monotonic() - started, 3)
            if not finished:
                time.sleep(PATIENCE)
    finally:
        for process, _ in running.values():
            with suppress(ProcessLookupError):  # it may just have ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(program: Program) -> subprocess.Popen:
    with program.log.open("wb") as output:
        return subprocess.Popen(
            program.command,
            cwd=program.folder,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _failure(program: Program, status: int) -> SimulationError:
    return SimulationError(program.name, f"failed with status {status}: {_gist(program.log)}")


def _gist(log: Path) -> str:
    """Return the lines of a log that say what went wrong: its errors, or else its end."""
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "%Error" in line or "error:" in line or "Error" in line]
    return " | ".join((errors or lines[-3:] or ["no output"])[:3])
