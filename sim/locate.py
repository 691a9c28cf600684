"""Find the first place where a run left the right path: stream, layer, channel, position, cycle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdl.streams.formats import DenseFormat, EntryFormat, WinnersFormat
from sim.contract import Contract, StreamTap
from sim.judge import Fault
from sim.recording import Beats, Recording, TapLog

__all__ = ["Difference", "broken_streams", "find_difference", "place_of", "stalled_stream"]

BROKEN = "a beat changed or was withdrawn while it waited to be taken"


@dataclass(frozen=True)
class Difference:
    """The first difference on an internal stream. Without a single element to name, `what` says it all."""

    stream: str
    layer: str | None
    cycle: int | None
    what: str
    channel: int | None = None
    y: int | None = None
    x: int | None = None
    expected: int | None = None
    got: int | None = None

    def __str__(self) -> str:
        place = f"layer {self.layer}, " if self.layer else ""
        time = f" at cycle {self.cycle}" if self.cycle is not None else ""
        return f"{place}stream {self.stream}: {self.what}{time}"


def place_of(frame: int, choices: Sequence[int]) -> tuple[int, int]:
    """Return which instance has a frame, and as which one of its own; `choices` names each frame's."""
    if frame >= len(choices):
        return 0, frame
    return choices[frame], choices[:frame].count(choices[frame])


def _frame_at(instance: int, number: int, choices: list[int]) -> int:
    """Return which frame an instance's own number is, or would be the next one."""
    if not choices:
        return number
    taken = [frame for frame, chosen in enumerate(choices) if chosen == instance]
    return taken[number] if number < len(taken) else len(choices)


def broken_streams(contract: Contract, logs: list[TapLog], choices: list[int]) -> tuple[Fault, ...]:
    """Return the breaches of the stream rules on internal streams; `choices` as in :func:`place_of`."""
    return tuple(
        Fault(_frame_at(tap.instance, log.broken[1], choices), log.broken[0], f"stream {tap.name}: {BROKEN}")
        for tap, log in zip(contract.streams, logs, strict=True)
        if log.broken
    )


def find_difference(
    contract: Contract,
    logs: list[TapLog],
    frame: int,
    expected: dict[str, np.ndarray],
    instance: int = 0,
) -> Difference | None:
    """Compare a logged frame on every stream, in the order of the pipeline.

    Parameters
    ----------
    contract : Contract
    logs : list of TapLog
        Of the streams of the contract.
    frame : int
        Its number, as the instance counts: a stream that has not passed it whole is compared as far as it
        came.
    expected : dict of str to int64[channels, height, width]
        What each layer must give; streams of layers that are not here are only checked for the stream rules,
        and for beats that no right hardware sends.
    instance : int
        The one that has the frame; the streams of others are left out.
    """
    for tap, log in zip(contract.streams, logs, strict=True):
        if tap.instance != instance:
            continue
        whole = log.port is not None and log.port.passed > frame
        beats = log.frames.get(frame, Beats())
        found = _impossible(tap, beats)
        if found is None and tap.layer in expected:
            found = _compare(tap, beats, expected[tap.layer], whole)
        if log.broken is not None and log.broken[1] <= frame:
            return Difference(tap.name, tap.layer, log.broken[0], BROKEN)
        if found:
            return found
    return None


def _impossible(tap: StreamTap, log: Beats) -> Difference | None:
    bad = _impossible_beat(tap, log.words)
    return bad and Difference(tap.name, tap.layer, log.cycles[bad[0]], bad[1])


def _compare(tap: StreamTap, log: Beats, expected: np.ndarray, whole: bool) -> Difference | None:
    got = tap.format.decode(log.words)
    beats = _beat_of_element(tap, log.words, whole)
    wrong = (got != expected) & (beats >= 0)
    if not wrong.any():
        return None
    places = np.argwhere(wrong)
    channel, y, x = map(int, min(places, key=lambda place: beats[tuple(place)]))
    want, value, beat = int(expected[channel, y, x]), int(got[channel, y, x]), int(beats[channel, y, x])
    what = f"channel {channel}, y {y}, x {x}: expected {want}, got {value}"
    return Difference(tap.name, tap.layer, log.cycles[beat], what, channel, y, x, want, value)


def _impossible_beat(tap: StreamTap, words: list[int]) -> tuple[int, str] | None:
    """Return the first beat that no right hardware can send, and why."""
    form = tap.format
    if isinstance(form, DenseFormat):
        return None
    for number, word in enumerate(words):
        if isinstance(form, EntryFormat):
            entry = form.entry(word)
            if entry and (entry[0] >= len(form.order) or form.order[entry[0]] < 0):
                return number, f"beat {number} carries the index {entry[0]}, which does not exist"
            if not entry and not form.is_last(word):
                return number, f"beat {number} carries nothing, not even the end of the frame"
        elif form.count(word) > form.at_most:
            return number, f"beat {number} carries {form.count(word)} winners, more than {form.at_most}"
        elif any(channel >= form.shape[0] for _, channel in form.pairs(word)):
            return number, f"beat {number} carries a channel that does not exist"
    return None


def _beat_of_element(tap: StreamTap, words: list[int], whole: bool) -> np.ndarray:
    """Return which beat tells each element, as int[channels, height, width]; -1 where none has yet."""
    form = tap.format
    if isinstance(form, EntryFormat):
        beats = np.full(int(np.prod(form.shape)), len(words) - 1 if whole else -1)
        for number, word in enumerate(words):
            if entry := form.entry(word):
                beats[form.order[entry[0]]] = number
        return beats.reshape(form.shape)
    pixels = np.arange(form.shape[1] * form.shape[2])
    if isinstance(form, WinnersFormat):
        beats = np.tile(pixels, (form.shape[0], 1))
    else:
        beats = pixels // form.columns * form.groups + form.slots[:, None] // form.lanes
    return np.where(beats < len(words), beats, -1).reshape(form.shape)


def stalled_stream(
    contract: Contract, recording: Recording, logs: list[TapLog], choices: Sequence[int] = ()
) -> str:
    """Say which stream stands still: the last that is offered and not taken, or the first that starves.

    Of several instances, that is looked for in the one that has the frame that is to leave next.
    """
    due = recording.ports["m_axis"].passed // contract.output.beats if choices else 0
    instance, _ = place_of(due, choices)
    own = [(tap, log) for tap, log in zip(contract.streams, logs, strict=True) if tap.instance == instance]
    names = ["s_axis", *(tap.name for tap, _ in own)]
    ports = [recording.ports["s_axis"], *(log.port for _, log in own)]
    blocked = [number for number, port in enumerate(ports) if port.valid and not port.ready]
    after = [*names[1:], "m_axis"]
    if blocked:
        number = blocked[-1]
        where = f", frame {ports[number].passed}, beat {ports[number].beats}" if number else ""
        return f"stream {names[number]} is offered but never taken{where}; the next stream is {after[number]}"
    fed = choices.count(instance) if choices else ports[0].passed // contract.input.beats
    for name, port in zip(names[1:], ports[1:], strict=True):
        if port.passed < fed:
            return f"stream {name} offers nothing more after {port.beats} beats of frame {port.passed}"
    return "every internal stream has passed all frames; m_axis offers nothing more"
