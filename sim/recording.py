"""What the harness wrote down during one run."""

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from sim.errors import SimulationError

__all__ = [
    "Beats", "Port", "Recording", "TapLog", "read_choices", "read_recording", "read_stuck", "read_taps",
]  # fmt: skip

CHOICE = re.compile(r"^C (\d+)", re.MULTILINE)
"""A line of `taps.txt`: the instance that was given a frame."""


@dataclass
class Port:
    """State of a stream at the end; `passed` counts whole frames since the last reset, at ports beats."""

    valid: bool
    ready: bool
    passed: int
    beats: int = 0


@dataclass
class Recording:
    """The events at the ports of `top`; cycles count from the end of reset.

    `starts[n]` is the cycle in which the first beat of frame n was accepted; `words`, `lasts` and `cycles`
    tell of each output beat. `broken` is the first breach of a stream rule on `m_axis` as (cycle, rule),
    `errors` the first cycles of a high `frame_error`, of all and after each of the `resets`. `reason` is why
    the run ended: "complete", "idle" or "budget".
    """

    starts: list[int] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    lasts: list[bool] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    broken: tuple[int, str] | None = None
    errors: list[int] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    ports: dict[str, Port] = field(default_factory=dict)
    end_cycle: int = 0
    reason: str = ""

    def since_reset(self) -> "Recording":
        """Return what happened after the last reset; a breach of a stream rule counts whenever it was."""
        if not self.resets:
            return self
        at = self.resets[-1]
        late = [number for number, cycle in enumerate(self.cycles) if cycle > at]
        return replace(
            self,
            starts=[cycle for cycle in self.starts if cycle > at],
            cycles=[self.cycles[number] for number in late],
            lasts=[self.lasts[number] for number in late],
            words=[self.words[number] for number in late],
            errors=[cycle for cycle in self.errors if cycle > at],
        )


@dataclass
class Beats:
    """What passed on a stream, and when."""

    cycles: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)


@dataclass
class TapLog:
    """One internal stream: its beats in the logged frames, by their numbers, and its state at the end.

    Frames count from the last reset. `broken` is the cycle and the frame in which a waiting beat first
    changed or vanished.
    """

    frames: dict[int, Beats] = field(default_factory=lambda: defaultdict(Beats))
    broken: tuple[int, int] | None = None
    port: Port | None = None


def read_recording(folder: Path) -> Recording:
    """Read `run.txt`."""
    recording, accepted = Recording(), 0
    for line in _lines(folder / "run.txt"):
        kind, *values = line.split()
        if kind == "O":
            recording.cycles.append(int(values[0]))
            recording.lasts.append(values[1] == "1")
            recording.words.append(int(values[2], 16))
        elif kind == "I":
            recording.starts.append(int(values[0]))
        elif kind == "R":
            recording.broken = (int(values[0]), values[1])
        elif kind == "E":
            recording.errors.append(int(values[0]))
        elif kind == "Z":
            recording.resets.append(int(values[0]))
            accepted = int(values[1])
        elif kind == "S":
            passed = int(values[3]) - accepted * (values[0] == "s_axis")
            recording.ports[values[0]] = Port(values[1] == "1", values[2] == "1", passed)
        elif kind == "D":
            recording.end_cycle, recording.reason = int(values[0]), values[1]
    if not recording.reason:
        raise SimulationError("simulator", "ended before the harness did", "report this as a bug")
    return recording


def read_choices(folder: Path) -> list[int]:
    """Read from `taps.txt` which instance was given each frame since the last reset; nothing if only one."""
    since_reset = f"\n{_text(folder / 'taps.txt')}".rpartition("\nZ ")[2]
    return [int(choice) for choice in CHOICE.findall(since_reset)]


def read_stuck(folder: Path) -> int:
    """Read from `taps.txt` what the watchdog said at the end; 0 without one."""
    words = [line.split()[1] for line in _lines(folder / "taps.txt") if line.startswith("W ")]
    return int(words[0], 16) if words else 0


def read_taps(folder: Path, count: int) -> list[TapLog]:
    """Read `taps.txt`: the logs of `count` streams, in the order of the manifest."""
    logs = [TapLog() for _ in range(count)]
    for line in _lines(folder / "taps.txt"):
        kind, number, *values = line.split()
        if kind in "CW":
            continue
        log = logs[int(number)]
        if kind == "B":
            beats = log.frames[int(values[1])]
            beats.cycles.append(int(values[0]))
            beats.words.append(int(values[2], 16))
        elif kind == "Z":
            log.frames.clear()
        elif kind == "R":
            log.broken = log.broken or (int(values[0]), int(values[1]))
        elif kind == "T":
            log.port = Port(values[0] == "1", values[1] == "1", int(values[2]), int(values[3]))
    return logs


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise SimulationError("simulator", f"left no {path.name}: {error}", "report this as a bug") from error
