"""Drop the zeros of a dense stream: what is left travels one element a beat."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources, total
from hdl.streams.component import StreamComponent
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat, EntryFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing

__all__ = ["Compact", "CompactConfig"]

_HELD = 8
"""Input beats held: more than are on their way at one beat a cycle, so that zeros pass at full speed."""

_SENT = 5
"""Output beats held: the credits with which elements are picked."""


@dataclass(frozen=True, kw_only=True)
class CompactConfig:
    """Format of the dense stream, and how full it can be.

    Parameters
    ----------
    source : DenseFormat
    at_most : int
        Nonzero elements a frame can have.
    """

    source: DenseFormat
    at_most: int

    def __post_init__(self) -> None:
        channels, height, width = self.source.shape
        if not 1 <= self.at_most <= channels * height * width:
            raise ValueError(f"at_most must be from 1 to {channels * height * width}, not {self.at_most!r}")

    @property
    def target(self) -> EntryFormat:
        """One nonzero element a beat, numbered beat × lanes + lane."""
        pixels = self.source.pixels
        places = [
            channel * pixels + pixel if channel >= 0 else -1
            for pixel in range(pixels)
            for channel in self.source.order
        ]
        return EntryFormat(self.source.shape, self.source.form, self.at_most, tuple(places))

    @property
    def latency(self) -> int:
        """Cycles from an accepted beat to its first element's being offered."""
        return 6

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: beside the queues, mainly what selects a lane and its value."""
        source, lanes, index = self.source, self.source.lanes, self.target.index_bits
        count_bits = bits_for_range(lanes + 1)
        queues = (
            QueueConfig(bits=source.payload.size, depth=_HELD),
            QueueConfig(bits=self.target.payload.size, depth=_SENT),
            QueueConfig(bits=lanes + count_bits, depth=_HELD),
        )
        picked = fabric.choice(lanes, source.form.width) + 2 * fabric.sum(index)
        registers = 3 * lanes + 3 * index + 4 * count_bits + 12
        control = Resources(lut=lanes * (4 + -(-source.form.width // 6)) + 15, ff=registers)
        return total([queue.cost(fabric) for queue in queues]) + picked + control

    @property
    def fullest(self) -> np.ndarray:
        """Elements in each beat of the slowest frame: all that there may be, as late as they fit."""
        beats = self.source.beats
        return np.diff(np.clip(self.at_most - self.source.lanes * np.arange(beats, -1, -1), 0, None))

    @property
    def constant_time(self) -> bool:
        """Whether the time is the same for every input."""
        return False

    @property
    def cycles_per_frame(self) -> int:
        """Most cycles from one frame to the next."""
        return int(np.maximum(self.fullest, 1).sum())

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass at the latest.

        What is offered is an upper bound, aligned at `last`: a frame with fewer nonzeros lacks some beats,
        and the remaining ones, counted from its last, come no later. Frames like `fullest` attain it unless
        slots are padded. What is accepted is that of frames whose nonzeros all come first, as their beats
        wait longest where beats arrive one a cycle.
        """
        late = np.resize(self.fullest, len(arrivals))
        early = np.resize(self.fullest[::-1], len(arrivals))
        return Timing(self._pass(arrivals, early).accepted, self._pass(arrivals, late).offered)

    def _pass(self, arrivals: np.ndarray, counts: np.ndarray) -> Timing:
        """Return when beats with so many nonzeros pass. Exact."""
        offered: list[int] = []
        accepted: list[int] = []
        taken: list[int] = []
        free = previous = -1
        for number, (arrival, count) in enumerate(zip(arrivals.tolist(), counts.tolist(), strict=True)):
            room = taken[number - _HELD] + 1 if number >= _HELD else 0
            previous = max(arrival, previous + 1, room)
            accepted.append(previous)
            start = max(previous + self.latency - 3, free)
            offered += range(start + 3, start + 3 + count)
            free = start + max(1, count)
            taken.append(free + 1)
        return Timing(np.array(accepted), np.array(offered))


class Compact(StreamComponent):
    """Pick the nonzero lanes of each beat, the lowest first.

    Timing
    ------
    Latency 6 cycles. A beat takes max(1, nonzeros) cycles, without a gap to the next. `i.ready` does not
    depend on `o.ready`.

    Numerics
    --------
    The tensor stays the same. If a frame's last beat has no nonzero, `last` travels with an
    inactive beat. More nonzeros than `at_most` are sent too, and take longer than stated.

    Resources
    ---------
    Eight input beats of distributed memory, one lane-wide multiplexer, a count and a carry chain over the
    lanes (estimated).

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source, target = self.config.source, self.config.target
        m.submodules.values = values = Queue(QueueConfig(bits=source.payload.size, depth=_HELD))
        m.submodules.entries = entries = Queue(QueueConfig(bits=target.payload.size, depth=_SENT))
        claim = Signal()
        credit, some = count_credit(m, _SENT, claim, self.o.valid & self.o.ready)
        m.d.comb += [
            values.i.payload.eq(self.i.payload),
            values.i.valid.eq(self.i.valid),
            self.i.ready.eq(values.i.ready),
            self.o.payload.eq(entries.o.payload),
            self.o.valid.eq(entries.o.valid),
            entries.o.ready.eq(self.o.ready),
        ]

        mask, left, done, busy = self._hold_mask(m, some)
        first_index = Signal(bits_for_range(len(target.order)))
        last_beat = first_index == (source.beats - 1) * source.lanes
        pick = Signal()
        m.d.comb += [
            pick.eq(busy & some),
            claim.eq(pick & ((left != 0) | last_beat)),
        ]
        with m.If(pick & done):
            m.d.sync += first_index.eq(Mux(last_beat, 0, first_index + source.lanes))

        # Stage 4: the lane, one-hot
        lowest = Signal(source.lanes)
        flags = {"active": 1, "last": 1, "done": 1, "sent": 1}
        picked = Signal(data.StructLayout({"index": target.index_bits, **flags}))
        m.d.sync += [
            lowest.eq(mask & -mask),
            picked.index.eq(first_index),
            picked.active.eq(left != 0),
            picked.last.eq(done & last_beat),
            picked.done.eq(pick & done),
            picked.sent.eq(claim),
        ]
        # Stage 5: its number
        lane = Signal(bits_for_range(source.lanes))
        named = Signal.like(picked)
        m.d.sync += [lane.eq(_number(lowest)), named.eq(picked)]
        # Stage 6: its value
        entry = Signal(target.payload)
        m.d.comb += [
            entry.last.eq(named.last),
            entry.active.eq(named.active),
            entry.index.eq(named.index + lane),
            entry.value.eq(source.payload(values.o.payload)[lane]),
            values.o.ready.eq(named.done),
            entries.i.payload.eq(entry),
            entries.i.valid.eq(named.sent),
        ]
        return m

    def _hold_mask(self, m: Module, room: Value) -> tuple[Signal, Signal, Signal, Signal]:
        """Return the lanes still to pick, their number, whether it is 1 at most, and whether a beat waits."""
        lanes = self.config.source.lanes
        # Stage 1: which lanes are nonzero, and how many of each eight
        nonzero, arrived = Signal(lanes), Signal()
        m.d.comb += nonzero.eq(Cat(value.any() for value in self.i.payload))
        marked = Signal(lanes)
        m.d.sync += [arrived.eq(self.i.valid & self.i.ready), marked.eq(nonzero)]
        counts = []
        for start in range(0, lanes, 8):
            count = Signal(range(9), name=f"count_{start}")
            m.d.sync += count.eq(_total(list(nonzero[start : start + 8])))
            counts.append(count)
        # Stage 2: how many in all. No more masks wait than values are held, so this queue is never full
        count_bits = bits_for_range(lanes + 1)
        m.submodules.masks = masks = Queue(QueueConfig(bits=lanes + count_bits, depth=_HELD))
        total = Signal(count_bits)
        m.d.comb += [
            total.eq(_total(counts)),
            masks.i.payload.eq(Cat(marked, total)),
            masks.i.valid.eq(arrived),
        ]
        # Stage 3: one lane less each cycle
        mask, left, busy, done = Signal(lanes), Signal(count_bits), Signal(), Signal()
        m.d.comb += [done.eq(left <= 1), masks.o.ready.eq(~busy | (room & done))]
        with m.If(room):
            m.d.sync += [mask.eq(mask & (mask - 1)), left.eq(left - 1)]
        with m.If(masks.o.ready):
            m.d.sync += [Cat(mask, left).eq(masks.o.payload), busy.eq(masks.o.valid)]
        return mask, left, done, busy


def _total(values: list[Value]) -> Value:
    """Add in a balanced tree."""
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    return _total(values[:middle]) + _total(values[middle:])


def _number(one_hot: Value) -> Value:
    """Return the number of the bit that is set; 0 if none is."""
    places = (len(one_hot) - 1).bit_length()
    return Cat(Cat(bit for n, bit in enumerate(one_hot) if n >> place & 1).any() for place in range(places))
