"""Faults in time: a design must recover from each, and say so where a frame was broken.

Streams are held up inside the design, it is reset in the middle of frames, frames are cut short, too long or
without an end, and the host falls silent. After each fault whole frames follow; these must come out right,
every bit of them, and `frame_error` must be high where a frame was broken, and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.judge import Fault
from sim.locate import broken_streams, stalled_stream
from sim.recording import Recording, TapLog
from sim.script import BROKEN, Script
from sim.session import Session
from sim.vectors import pack_frames

__all__ = ["KINDS", "FaultResult", "Played", "provoke"]

FAULTS_A_RUN = 12
RESETS = 4
"""Times as many resets as other faults: what they interrupt differs from one cycle to the next."""

SILENT_CYCLES = 10_000
INSIDE, RESET = "inside", "reset"
"""Streams inside the design are held up, and nothing else is wrong."""


@dataclass(frozen=True)
class Played:
    """One run: events at the ports, internal streams, the instance of each frame, and the watchdog's word."""

    recording: Recording
    logs: list[TapLog]
    choices: list[int]
    stuck: int = 0


Play = Callable[[Script, dict[str, int | str]], Played]


@dataclass(frozen=True)
class FaultResult:
    """What became of one kind of fault.

    `held_up` says whether streams inside the design were held up, too; `faults` and `frames` there were;
    `fault` is what went wrong first, or None.
    """

    kind: str
    held_up: bool
    faults: int
    frames: int
    cycles: int
    fault: str | None

    def __str__(self) -> str:
        return f"{self.kind}{', streams inside held up' if self.held_up else ''}: {self.fault or 'recovered'}"

    def to_json(self) -> dict[str, Any]:
        """Return the result, for `sim/results.json`."""
        return dict(vars(self))


def _hold_up(script: Script, rng: np.random.Generator, silent: int) -> None:
    script.faults += 1
    for frame in range(len(script.x)):
        script.whole(frame)


def _reset(script: Script, rng: np.random.Generator, silent: int) -> None:
    _some_whole(script, rng, 0)
    script.reset(_frame(script, rng), int(rng.integers(1, script.port.beats + 1)))


def _cut_short(script: Script, rng: np.random.Generator, silent: int) -> None:
    if script.port.beats > 1:
        script.cut_short(_frame(script, rng), int(rng.integers(1, script.port.beats)))


def _go_on(script: Script, rng: np.random.Generator, silent: int) -> None:
    script.go_on(_frame(script, rng), int(rng.integers(1, 2 * script.port.beats + 1)))


def _never_end(script: Script, rng: np.random.Generator, silent: int) -> None:
    script.never_end(_frame(script, rng), _frame(script, rng))


def _fall_silent(script: Script, rng: np.random.Generator, silent: int) -> None:
    cycles = int(rng.integers(silent // 2, silent + 1))
    if script.port.beats > 1 and rng.random() < 0.5:
        script.silent_within(_frame(script, rng), int(rng.integers(1, script.port.beats)), cycles)
    else:
        script.silence(cycles)


def _anything(script: Script, rng: np.random.Generator, silent: int) -> None:
    steps = (_reset, _cut_short, _go_on, _never_end, _fall_silent)
    steps[rng.integers(len(steps))](script, rng, min(silent, 1000))


KINDS: dict[str, Callable[[Script, np.random.Generator, int], None]] = {
    INSIDE: _hold_up,
    RESET: _reset,
    "cut short": _cut_short,
    "too long": _go_on,
    "without an end": _never_end,
    "silence": _fall_silent,
    "anything": _anything,
}
"""What each does to a script, once; `anything` is one of the others, drawn anew each time."""


def provoke(
    session: Session,
    play: Play,
    *,
    seed: int = 1,
    faults: int = FAULTS_A_RUN,
    silent: int = SILENT_CYCLES,
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[FaultResult, ...]:
    """Do everything in `KINDS` to a design, with and without streams inside held up.

    Parameters
    ----------
    session : Session
    play : callable
        Runs a script in a simulator whose streams have gates.
    seed : int
        The same gives the same faults.
    faults : int
        How many of each kind.
    silent : int
        Most cycles of silence at a time.
    progress : callable
        Is told each step.
    """
    results = []
    for number, (kind, disturb) in enumerate(KINDS.items()):
        for held_up in (False, True):
            if kind == INSIDE and not held_up:
                continue
            progress(f"faults in time: {kind}{', streams inside held up' if held_up else ''}")
            rng = np.random.default_rng([seed, number, held_up])
            script = Script(session.vectors.x, session.contract.input)
            for _ in range(_times(kind, faults)):
                disturb(script, rng, silent)
                _some_whole(script, rng, int(rng.integers(1, 4)))
            played = play(script, _plusargs(session, script, held_up, seed))
            fault = _judge(session, script, played)
            frames = sum(map(len, script.expected))
            results.append(
                FaultResult(kind, held_up, script.faults, frames, played.recording.end_cycle, fault)
            )
    return tuple(results)


def _times(kind: str, faults: int) -> int:
    return 1 if kind == INSIDE else RESETS * faults if kind == RESET else faults


def _frame(script: Script, rng: np.random.Generator) -> int:
    return int(rng.integers(len(script.x)))


def _some_whole(script: Script, rng: np.random.Generator, least: int) -> None:
    for _ in range(max(least, int(rng.integers(3)))):
        script.whole(_frame(script, rng))


def _plusargs(session: Session, script: Script, held_up: bool, seed: int) -> dict[str, int | str]:
    """Return the harness's options: both sides pause at random, and patience outlasts every silence."""
    plusargs = session.plusargs("both")
    frames = -(-len(script.words) // script.port.beats)
    slower = 8 if held_up else 1
    patience = slower * int(plusargs["patience"]) + max(script.silent_cycles)
    budget = int(plusargs["budget"]) * -(-frames // len(session.vectors))
    return plusargs | {
        "script": 1,
        "dam": 0,
        "words": len(script.words),
        "outputs": len(script.expected[-1]) * session.contract.output.beats,
        "hold_up": int(held_up),
        "seed": seed,
        "patience": patience,
        "budget": slower * budget + patience + sum(script.silent_cycles),
    }


def _judge(session: Session, script: Script, played: Played) -> str | None:
    """Say what is wrong with a run, or None."""
    recording = played.recording
    ends = [*recording.resets, recording.end_cycle + 1]
    if len(ends) != len(script.expected):
        count = f"only {len(recording.resets)} of {len(script.expected) - 1} resets came"
        return count + _stuck(session, played)
    if recording.broken:
        return f"m_axis broke the rules of a stream at cycle {recording.broken[0]}"
    for fault in broken_streams(session.contract, played.logs, played.choices):
        return f"{fault.what} at cycle {fault.cycle}"
    start = 0
    for number, (end, frames) in enumerate(zip(ends, script.expected, strict=True)):
        whole = number == len(ends) - 1
        if fault := _segment_fault(session, recording, frames, start, end, whole):
            hang = _stuck(session, played) if fault.hang else ""
            return f"frame {fault.frame} after reset {number}, cycle {fault.cycle}: {fault.what}{hang}"
        flags = [cycle for cycle in recording.errors if start <= cycle < end]
        if flags and not script.flagged[number]:
            return f"frame_error is high at cycle {flags[0]} though every frame is whole"
        if whole and script.flagged[number] and not flags:
            return "frame_error was never raised though a frame was broken"
        start = end
    return None


def _stuck(session: Session, played: Played) -> str:
    return "; " + stalled_stream(session.contract, played.recording, played.logs, played.choices)


def _segment_fault(
    session: Session, recording: Recording, frames: list[int], start: int, end: int, whole: bool
) -> Fault | None:
    """Compare what came out between two resets with the frames that must come, or the first of them."""
    port = session.contract.output
    packed = pack_frames(session.vectors.logits.reshape(-1, *port.shape), port)
    wanted = [int.from_bytes(word.tobytes(), "big") for word in packed]
    beats = [n for n, cycle in enumerate(recording.cycles) if start <= cycle < end]
    for position, beat in enumerate(beats):
        number, place = divmod(position, port.beats)
        cycle = recording.cycles[beat]
        if number >= len(frames):
            return Fault(number, cycle, "more came out than went in")
        if recording.lasts[beat] != (place == port.beats - 1):
            return Fault(number, cycle, f"tlast is {int(recording.lasts[beat])} with beat {place + 1}")
        want = wanted[frames[number] * port.beats + place]
        if frames[number] != BROKEN and recording.words[beat] != want:
            return Fault(number, cycle, f"beat {place}: tdata is {recording.words[beat]:#x}, not {want:#x}")
    if whole and len(beats) < len(frames) * port.beats:
        what = f"only {len(beats)} of {len(frames) * port.beats} output beats came"
        return Fault(len(beats) // port.beats, recording.end_cycle, what, hang=True)
    return None
