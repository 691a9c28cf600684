"""Run the programs of a flow: in a process group of their own, ended whole on an error or a signal."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from boards.flows.flow import FlowError

__all__ = ["end_group", "run_program", "unwound_by_signals"]

DEADLY = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that by default end a process where it stands, without ending what it started."""


@contextmanager
def unwound_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit(128 + number), as Ctrl-C raises KeyboardInterrupt.

    So whatever runs ends its programs and takes away what is half-written. Signals that someone else
    handles or ignores are left to them; so are all of them outside the main thread, where Python allows none.
    """
    main = threading.current_thread() is threading.main_thread()
    ours = [number for number in DEADLY if main and signal.getsignal(number) == signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, _unwind)
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _unwind(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def run_program(
    name: str, command: Sequence[str | Path], folder: Path, *, log: Path | None = None,
    environment: dict[str, str] | None = None,
) -> Path:
    """Run a program in `folder`, in its own process group, which a signal ends whole; return its log.

    Raises
    ------
    FlowError
        If it cannot be started or fails, with the lines of its log that say why.
    """
    log = log or folder / f"{name}.log"
    with unwound_by_signals(), log.open("wb") as output:
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
            end_group(process)
            raise
    if status:
        raise FlowError(name, f"failed with status {status}: {_gist(log)}", f"read {log}")
    return log


def end_group(process: subprocess.Popen) -> None:
    """End a program with all that it started, and wait for it; it may have ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _gist(log: Path) -> str:
    """Return the lines of a log that say what went wrong: its errors, or else its end."""
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return " | ".join((errors or lines[-3:] or ["no output"])[:3])
