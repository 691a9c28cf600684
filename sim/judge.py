"""Whether what came out is right: frames, stream rules, every logit; and whether it came on time."""

from dataclasses import dataclass

import numpy as np

from hdl.replication.distribute import BUFFERED_FRAMES
from sim.contract import AxisPort, Prediction
from sim.recording import Recording
from sim.vectors import Vectors, pack_frames, unpack_frames

__all__ = ["Fault", "Judgement", "Timing", "judge", "measure"]


@dataclass(frozen=True)
class Fault:
    """The first thing that went wrong at the output: in which frame, when, and what."""

    frame: int
    cycle: int
    what: str
    hang: bool = False


@dataclass(frozen=True)
class Judgement:
    """`correct` is how many frames came out right; `fault` the first fault, or None."""

    correct: int
    fault: Fault | None


SETTLED = 16
"""Frames after half of which the pipeline is full."""


@dataclass(frozen=True)
class Timing:
    """Measured cycles; intervals are None for a single frame.

    `interval_cycles` is the pace of a full pipeline: the median spacing in which it takes in frames in the
    second half of a run of `SETTLED` frames an instance or more; where it is still filling at the end, and of
    shorter runs, that in which they leave; of several instances the mean over a frame of each. `holds` says
    whether the prediction does: what is exact equals it, and whatever it is no frame n ends later than
    `latency + n × interval` after the first accepted beat. Where time depends on the data, so does which
    instance is free; a frame may be dealt to one where frames that take longer wait before it, and as many
    rounds as there are frames before an instance are granted to several.
    """

    latency_cycles: int
    interval_cycles: int | float | None
    interval_max: int | float | None
    interval_mean: float | None
    holds: bool


def judge(
    recording: Recording, vectors: Vectors, port: AxisPort, rule_faults: tuple[Fault, ...] = ()
) -> Judgement:
    """Compare a run with what the vectors say must come out of `port`.

    `rule_faults` are breaches of the stream rules on internal streams; the earliest fault of all counts.
    """
    packed = pack_frames(vectors.logits.reshape(len(vectors), *port.shape), port)
    expected = [int.from_bytes(word.tobytes(), "big") for word in packed]
    faults = []
    correct = position = frame = 0
    for end in _frame_ends(recording):
        fault = _frame_fault(recording, expected, port, frame, position, end)
        faults += [fault] if fault else []
        if frame == len(vectors) or (fault and end - position != port.beats):
            break  # out of step: nothing after this can be told apart
        correct += fault is None
        position, frame = end, frame + 1
    else:
        faults += _unfinished(recording, frame, position, len(vectors), port)
    faults += [*_rule_faults(recording), *rule_faults]
    first = min(faults, key=lambda fault: fault.cycle, default=None)
    return Judgement(correct, first)


def _frame_ends(recording: Recording) -> list[int]:
    """Return where each frame ends, by `tlast`; beats of an unfinished frame at the end do not count."""
    return [number + 1 for number, last in enumerate(recording.lasts) if last]


def _frame_fault(
    recording: Recording, expected: list[int], port: AxisPort, frame: int, start: int, end: int
) -> Fault | None:
    """Say what is wrong with the beats from `start` to `end`, which `tlast` made frame number `frame`."""
    beats = port.beats
    want = expected[frame * beats : (frame + 1) * beats]
    got = recording.words[start:end]
    if got == want:
        return None
    cycle = recording.cycles[min(end, start + beats) - 1]
    if not want:
        return Fault(frame, recording.cycles[start], f"{len(got)} beats more than all frames have")
    if len(got) < beats:
        moved = recording.words[start : start + beats] == want
        what = f"tlast came with beat {len(got)} of {beats}" if moved else f"only {len(got)} of {beats} beats"
        return Fault(frame, cycle, what)
    if len(got) > beats:
        late = got[: 2 * beats] == expected[frame * beats : frame * beats + min(len(got), 2 * beats)]
        what = f"no tlast with beat {beats}" if late else f"{len(got)} beats, not {beats}"
        return Fault(frame, cycle, what)
    return _value_fault(frame, got, want, recording.cycles[start:end], port)


def _value_fault(frame: int, got: list[int], want: list[int], cycles: list[int], port: AxisPort) -> Fault:
    beat = next(number for number in range(len(got)) if got[number] != want[number])
    results, targets = (unpack_frames(words, port)[0].reshape(-1) for words in (got, want))
    different = np.flatnonzero(results != targets)
    if not len(different):
        return Fault(frame, cycles[beat], f"beat {beat}: tdata is {got[beat]:#x}, not {want[beat]:#x}")
    output = int(different[0])
    what = f"logit {output}: expected {targets[output]}, got {results[output]}"
    return Fault(frame, cycles[beat], what)


def _unfinished(recording: Recording, frame: int, position: int, frames: int, port: AxisPort) -> list[Fault]:
    """Say what is wrong with the beats behind the last `tlast`, or with there being too few frames."""
    left = len(recording.words) - position
    if left >= port.beats and frame < frames:
        late = position + port.beats - 1
        return [Fault(frame, recording.cycles[late], f"no tlast with beat {port.beats}")]
    if frame < frames:
        reason = "the cycle budget ran out" if recording.reason == "budget" else "nothing moved any more"
        what = f"{reason} after {left} of {port.beats} output beats"
        return [Fault(frame, recording.end_cycle, what, hang=True)]
    if left:
        return [Fault(frame, recording.cycles[position], f"{left} beats more than all frames have")]
    return []


def _rule_faults(recording: Recording) -> list[Fault]:
    def frame_at(cycle: int) -> int:
        return sum(last and at < cycle for last, at in zip(recording.lasts, recording.cycles, strict=True))

    faults = []
    if recording.broken:
        cycle, rule = recording.broken
        broke = "valid fell" if rule == "valid" else f"{rule} changed"
        faults.append(Fault(frame_at(cycle), cycle, f"m_axis: {broke} while a beat waited to be taken"))
    for cycle in recording.errors[:1]:
        faults.append(Fault(frame_at(cycle), cycle, "frame_error is high though every input frame is whole"))
    return faults


def _still_fills(recording: Recording, ends: np.ndarray, instances: int) -> bool:
    """Return whether in half of a run frames go in faster than they come out, by more than outputs jitter."""
    frames = len(ends) // 2 // instances * instances
    rounds = ends[instances:] - ends[:-instances]
    came, left = (int(at[-1] - at[-1 - frames]) for at in (recording.starts[: len(ends)], ends))
    return left - came > rounds.max() - rounds.min()


def _shared(cycles: np.integer, instances: int) -> int | float:
    return int(cycles) // instances if cycles % instances == 0 else int(cycles) / instances


def measure(recording: Recording, predicted: Prediction) -> Timing:
    """Take the times of a run without pauses whose frames all came out."""
    ends = np.array([at for at, last in zip(recording.cycles, recording.lasts, strict=True) if last])
    elapsed = ends - recording.starts[0]
    instances = predicted.instances
    full = len(ends) >= SETTLED * instances and not _still_fills(recording, ends, instances)
    passed = np.array(recording.starts[len(ends) // 2 :]) if full else ends
    spacing = np.sort(passed[instances:] - passed[:-instances])
    latency = int(elapsed[0])
    interval = _shared(spacing[len(spacing) // 2], instances) if len(spacing) else None
    granted = 0 if predicted.latency_exact or instances == 1 else BUFFERED_FRAMES * instances
    bounds = predicted.latency_cycles + predicted.interval_cycles * (np.arange(len(ends)) + granted)
    holds = bool((elapsed <= bounds).all())
    if predicted.latency_exact:
        holds &= latency == predicted.latency_cycles
    if predicted.interval_exact and (full or predicted.latency_exact):
        holds &= interval in (None, predicted.interval_cycles)
    return Timing(
        latency_cycles=latency,
        interval_cycles=interval,
        interval_max=_shared(spacing[-1], instances) if len(spacing) else None,
        interval_mean=float(spacing.mean()) / instances if len(spacing) else None,
        holds=holds,
    )
