"""Hand whole frames to whichever of several instances has room for one."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources
from hdl.streams.counter import count_rounds
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["BUFFERED_FRAMES", "Distribute", "DistributeConfig", "deal_frames"]

BUFFERED_FRAMES = 2
"""Frames before each instance: one is taken in at the instance's pace while the next one is stored."""


@dataclass(frozen=True, kw_only=True)
class DistributeConfig:
    """What the frames are, and how many share them.

    Parameters
    ----------
    source : DenseFormat
    instances : int
        At least 1.
    """

    source: DenseFormat
    instances: int

    def __post_init__(self) -> None:
        if self.instances < 1:
            raise ValueError(f"instances must be a positive integer, not {self.instances!r}")

    @property
    def buffer(self) -> QueueConfig:
        """The frames before one instance."""
        return QueueConfig(bits=self.source.payload.size, depth=BUFFERED_FRAMES * self.source.beats)

    @property
    def latency(self) -> int:
        """Cycles from an accepted beat to its being offered to an instance."""
        return 1

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next, of all instances together."""
        return self.source.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: the buffers, a counter for each, and the choice."""
        buffers = self.instances * (self.buffer.cost(fabric) + fabric.counter(self.source.beats))
        choice = fabric.logic(5 * self.instances, 3 * self.instances + 6)
        return buffers + fabric.counter(self.source.beats) + choice

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass while some instance has room. Exact."""
        accepted = wait_in_order(arrivals)
        return Timing(accepted, accepted + self.latency)


def deal_frames(rooms: list[list[bool]]) -> list[int]:
    """Return which instance is given each frame.

    `rooms[n][k]` says whether instance k has room when frame n is given to one, at least one of them. It goes
    to the first with room after the one that had the frame before; the first frame looks from instance 0 on.

    >>> deal_frames([[True, True], [True, True], [False, True]])
    [0, 1, 1]
    """
    chosen: list[int] = []
    for room in rooms:
        first = chosen[-1] + 1 if chosen else 0
        chosen.append(next(k % len(room) for k in range(first, first + len(room)) if room[k % len(room)]))
    return chosen


class Distribute(wiring.Component):
    """Store each frame before an instance that has room for all of it, at the pace at which it comes.

    Timing
    ------
    Latency 1 cycle. Throughput 1 beat per cycle, without a gap between frames, while an instance has room.
    `i.ready` does not depend on any `o.ready`.

    Order
    -----
    See :func:`deal_frames`. An instance is chosen in the cycle in which the frame before ends, or else in the
    first one in which any has room, so that the choice comes out of registers when its frame begins. Frames
    that take equally long are dealt in turn; where time depends on the data, no instance waits for a slower
    one. `chosen` names the instance of each frame, once it begins.

    Resources
    ---------
    `BUFFERED_FRAMES` frames of distributed memory an instance (estimated).

    Parameters
    ----------
    config : DistributeConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.source.payload)).array(config.instances)
    chosen : Out(stream.Signature(bits_for_range(config.instances)))
    """

    def __init__(self, config: DistributeConfig) -> None:
        self.config = config
        payload = stream.Signature(config.source.payload)
        super().__init__(
            {
                "i": In(payload),
                "o": Out(payload).array(config.instances),
                "chosen": Out(stream.Signature(bits_for_range(config.instances))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source, instances = self.config.source, self.config.instances
        bits = bits_for_range(instances)
        # Whose the frame on its way is, or the next one; a bit for each instance. The first one is its own.
        owner, owned, inside = Signal(instances, init=1), Signal(init=1), Signal()
        take, free, rooms = Signal(), Signal(), Signal(instances)
        _, ends = count_rounds(m, source.beats, take)
        after = self._first_after(owner, rooms)
        m.submodules.choices = choices = Queue(QueueConfig(bits=bits, depth=2))
        wiring.connect(m, choices.o, wiring.flipped(self.chosen))
        m.d.comb += [
            self.i.ready.eq(owned & (inside | choices.i.ready)),
            take.eq(self.i.valid & self.i.ready),
            choices.i.payload.eq(Cat(_places(owner, bit).any() for bit in range(bits))),
            choices.i.valid.eq(take & ~inside),
            free.eq(~owned | ends),
        ]
        with m.If(take):
            m.d.sync += inside.eq(~ends)
        with m.If(free):
            m.d.sync += owned.eq(rooms.any())
        with m.If(free & rooms.any()):
            m.d.sync += owner.eq(after)
        for number, port in enumerate(self.o):
            m.submodules[f"buffer_{number}"] = buffer = Queue(self.config.buffer)
            m.d.comb += [
                buffer.i.payload.eq(Value.cast(self.i.payload)),
                buffer.i.valid.eq(take & owner[number]),
                Value.cast(port.payload).eq(buffer.o.payload),
                port.valid.eq(buffer.o.valid),
                buffer.o.ready.eq(port.ready),
            ]
            # Frames that it was chosen for and that are not yet gone: it is chosen if all of one more fits.
            held = Signal(range(BUFFERED_FRAMES + 1), name=f"held_{number}", init=int(number == 0))
            _, gone = count_rounds(m, source.beats, port.valid & port.ready)
            m.d.sync += held.eq(held + (free & after[number]) - gone)
            m.d.comb += rooms[number].eq(held != BUFFERED_FRAMES)
        return m

    def _first_after(self, owner: Signal, rooms: Signal) -> Value:
        """Return the first with room in a circle from the one after the owner; 0 if there is none.

        A subtraction clears the lowest bit that is set from there on, and none above: one chain of carries.
        """
        twice, start = Cat(rooms, rooms), owner.rotate_left(1)
        found = twice & ~(twice - start)[: len(twice)]
        return found[: len(rooms)] | found[len(rooms) :]


def _places(owner: Signal, bit: int) -> Value:
    """Return the bits of those whose numbers have a certain bit."""
    return Cat(owned for number, owned in enumerate(owner) if number >> bit & 1)
