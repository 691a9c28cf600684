"""Hand whole frames to whichever of several instances has room for one."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value
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
        return buffers + fabric.counter(self.source.beats) + fabric.logic(4 * self.instances, 8)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass while some instance has room. Exact."""
        accepted = wait_in_order(arrivals)
        return Timing(accepted, accepted + self.latency)


def deal_frames(rooms: list[list[bool]]) -> list[int]:
    """Return which instance is given each frame.

    `rooms[n][k]` says whether instance k has room when frame n begins, at least one of them. It goes to the
    first with room after the one that had the frame before; the first frame looks from instance 0 on.

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
    See :func:`deal_frames`. Frames that take equally long are dealt in turn; where time depends on the data,
    no instance waits for a slower one. `chosen` names the instance of each frame, once it begins.

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
        last = Signal(bits, init=instances - 1)
        inside, take, chosen, current = Signal(), Signal(), Signal(bits), Signal(bits)
        begins = take & ~inside
        m.submodules.choices = choices = Queue(QueueConfig(bits=bits, depth=2))
        wiring.connect(m, choices.o, wiring.flipped(self.chosen))
        buffers = [Queue(self.config.buffer) for _ in range(instances)]
        rooms = Signal(instances)
        for number, (buffer, port) in enumerate(zip(buffers, self.o, strict=True)):
            m.submodules[f"buffer_{number}"] = buffer
            m.d.comb += [
                buffer.i.payload.eq(Value.cast(self.i.payload)),
                buffer.i.valid.eq(take & (current == number)),
                Value.cast(port.payload).eq(buffer.o.payload),
                port.valid.eq(buffer.o.valid),
                buffer.o.ready.eq(port.ready),
            ]
            # Frames that were begun and are not yet gone: a frame is dealt to where all of it fits.
            held = Signal(range(BUFFERED_FRAMES + 1), name=f"held_{number}")
            _, gone = count_rounds(m, source.beats, port.valid & port.ready)
            m.d.sync += held.eq(held + (begins & (chosen == number)) - gone)
            m.d.comb += rooms[number].eq(held != BUFFERED_FRAMES)
        self._choose(m, last, rooms, chosen)
        m.d.comb += [
            current.eq(Mux(inside, last, chosen)),
            self.i.ready.eq(inside | (rooms.any() & choices.i.ready)),
            take.eq(self.i.valid & self.i.ready),
            choices.i.payload.eq(chosen),
            choices.i.valid.eq(begins),
        ]
        _, ends = count_rounds(m, source.beats, take)
        with m.If(take):
            m.d.sync += [inside.eq(~ends), last.eq(current)]
        return m

    def _choose(self, m: Module, last: Signal, rooms: Signal, chosen: Signal) -> None:
        """Find the first instance with room, in a circle from the one after `last`."""
        instances = self.config.instances
        circles = [
            [(begin + step) % instances for step in range(instances)] for begin in range(1, instances + 1)
        ]
        with m.Switch(last):
            for number, circle in enumerate(circles):
                with m.Case(number):
                    first = Const(circle[-1], len(chosen))
                    for place in reversed(circle[:-1]):
                        first = Mux(rooms[place], place, first)
                    m.d.comb += chosen.eq(first)
