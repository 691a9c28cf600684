"""Run the programs of a flow: in a process group of their own, ended whole on an error or Ctrl-C."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from boards.flows.flow import FlowError

__all__ = ["run_program"]


def run_program(
    name: str, command: Sequence[str | Path], folder: Path, *, log: Path | None = None,
    environment: dict[str, str] | None = None,
) -> Path:
    """Run a program in `folder`, in its own process group, which an interrupt ends whole; return its log.

    Raises
    ------
    FlowError
        If it cannot be started or fails, with the lines of its log that say why.
    """
    log = log or folder / f"{name}.log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise FlowError(name, f"cannot be started: {error.strerror}") from error
        try:
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if status:
        raise FlowError(name, f"failed with status {status}: {_gist(log)}", f"read {log}")
    return log


def _gist(log: Path) -> str:
    """Return the lines of a log that say what went wrong: its errors, or else its end."""
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return " | ".join((errors or lines[-3:] or ["no output"])[:3])
