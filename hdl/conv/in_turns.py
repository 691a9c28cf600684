"""Convolution arrays that take windows in turns: as many times faster, whatever one array can do."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.conv.zero_skip import ZeroSkipConv, ZeroSkipConvConfig
from hdl.cost import cost_of
from hdl.mac.words import WordTable
from hdl.memory.loading import Contents, join_chain, loading_ports
from hdl.memory.rom import shared
from hdl.resources import Fabric, Resources
from hdl.streams.counter import count_rounds
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["ConvInTurns", "ConvInTurnsConfig", "take_turns"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvInTurnsConfig:
    """Several arrays with the same weights, and how their sums leave.

    Parameters
    ----------
    array : ZeroSkipConvConfig
        One of them.
    arrays : int
        How many; at least 2.
    gathered : int
        Groups of an array's sums that leave in one beat; divides them.
    """

    array: ZeroSkipConvConfig
    arrays: int
    gathered: int

    def __post_init__(self) -> None:
        if self.arrays < 2:
            raise ValueError(f"arrays must be at least 2, not {self.arrays!r}")
        groups = self.array.target.groups
        if self.gathered < 1 or groups % self.gathered:
            raise ValueError(f"gathered must be a divisor of {groups}, not {self.gathered!r}")

    @property
    def loads(self) -> bool:
        """Whether weights and biases can be loaded: into all arrays at once."""
        return self.array.loads

    def contents(
        self, tables: tuple[WordTable, ...] | None = None, bias: np.ndarray | None = None
    ) -> list[Contents]:
        """Return what the memories of any array hold, see :meth:`ZeroSkipConvConfig.contents`."""
        return self.array.contents(tables, bias)

    @property
    def source(self) -> WinnersFormat:
        """Of the image."""
        return self.array.source

    @property
    def target(self) -> DenseFormat:
        """An array's sums in the same order, in fewer beats."""
        return replace(self.array.target, lanes=self.array.target.lanes * self.gathered)

    @property
    def multipliers(self) -> int:
        """Products a cycle."""
        return self.arrays * self.array.multipliers

    @property
    def constant_time(self) -> bool:
        """Whether every window takes as long, whatever the data."""
        return self.array.constant_time

    @property
    def cycles_per_window(self) -> int:
        """Cycles for which an array is busy with a window, at most."""
        return self.array.cycles_per_window

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames, at most, if windows never keep an array waiting."""
        return max(-(-self.array.cycles_per_frame // self.arrays), self.target.beats)

    @property
    def queue_depth(self) -> int:
        """Beats of an array that can wait: those of a window whose turn has not come, and of the next."""
        return 2 * self.target.groups

    @cached_property
    def latency(self) -> int:
        """Cycles from the last word's fetch to the first sums being offered."""
        return self.array.latency + self.gathered

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: the arrays; for each, registers for what is gathered, and a queue."""
        bits = self.target.payload.size
        kept = Resources(ff=bits - self.array.target.payload.size) + fabric.counter(self.gathered)
        queue = QueueConfig(bits=bits, depth=self.queue_depth)
        each = cost_of(self.array, fabric) + kept + queue.cost(fabric)
        return self.arrays * each + fabric.choice(self.arrays, bits) + fabric.logic(10, 8)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when windows and beats of sums pass, all windows taking as long as they can."""
        count, groups = len(arrivals), self.target.groups
        offered = np.zeros((count, groups), dtype=np.int64)
        accepted, asked = np.zeros_like(arrivals), np.array(arrivals)
        while True:
            for turn in range(min(self.arrays, count)):
                one = self.array.timing(asked[turn :: self.arrays])
                accepted[turn :: self.arrays] = one.accepted
                last = one.offered.reshape(-1, groups, self.gathered)[:, :, -1]
                offered[turn :: self.arrays] = last + 1
            # A window is offered to its array once the one before has been taken by another.
            turns = np.maximum(arrivals, np.concatenate([[0], np.maximum.accumulate(accepted)[:-1] + 1]))
            if np.array_equal(turns, asked):
                return Timing(accepted, wait_in_order(offered.reshape(-1)))
            asked = turns


def take_turns(array: ZeroSkipConvConfig, arrays: int) -> ZeroSkipConvConfig | ConvInTurnsConfig:
    """Return as many arrays, whose sums leave in as few lanes as let every window's leave in time."""
    if arrays == 1:
        return array
    groups, cycles = array.target.groups, max(1, array.cycles_per_window // arrays)
    gathered = next(n for n in range(1, groups + 1) if groups % n == 0 and groups // n <= cycles)
    return ConvInTurnsConfig(array=array, arrays=arrays, gathered=gathered)


class ConvInTurns(wiring.Component):
    """Hand each window to the next array, and take the arrays' sums in the same order.

    Timing
    ------
    A window waits for the array whose turn it is; sums wait until those of the window before have left.
    `i.ready` does not depend on `o.ready`.

    Resources
    ---------
    The arrays; for each, registers for the groups that are gathered, and room for the sums of two windows.

    Parameters
    ----------
    config : ConvInTurnsConfig

    Members
    -------
    i : In(stream.Signature(ArrayLayout(source.payload, taps)))
        Windows, tap `row × kernel columns + column`.
    o : Out(stream.Signature(target.payload))
    load : In(Chain()), loaded : Out(Chain())
        If `config.loads`.
    """

    def __init__(self, config: ConvInTurnsConfig) -> None:
        self.config = config
        self.arrays = [ZeroSkipConv(config.array) for _ in range(config.arrays)]
        windows = self.arrays[0].i.payload.shape()
        super().__init__(
            {
                "i": In(stream.Signature(windows)), "o": Out(stream.Signature(config.target.payload)),
                **loading_ports(config.loads),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        taken, left = Signal(), Signal()
        coming, _ = count_rounds(m, config.arrays, taken)
        _, complete = count_rounds(m, config.target.groups, left)
        leaving, _ = count_rounds(m, config.arrays, complete)
        m.d.comb += [taken.eq(self.i.valid & self.i.ready), left.eq(self.o.valid & self.o.ready)]
        for number, one in enumerate(self.arrays):
            m.submodules[f"array{number}"] = array = shared(platform, one)
            queue = self._gather(m, number, array)
            if config.loads:
                join_chain(m, self.load, array.load)
            if config.loads and not number:
                join_chain(m, array.loaded, self.loaded)
            m.d.comb += [
                array.i.payload.eq(self.i.payload),
                array.i.valid.eq(self.i.valid & (coming == number)),
            ]
            with m.If(coming == number):
                m.d.comb += self.i.ready.eq(array.i.ready)
            with m.If(leaving == number):
                m.d.comb += [
                    self.o.valid.eq(queue.o.valid),
                    Value.cast(self.o.payload).eq(queue.o.payload),
                    queue.o.ready.eq(self.o.ready),
                ]
        return m

    def _gather(self, m: Module, number: int, array: ZeroSkipConv) -> Queue:
        """Keep an array's groups until there is a beat of them; return the queue of beats."""
        bits = self.config.target.payload.size
        room = QueueConfig(bits=bits, depth=self.config.queue_depth)
        m.submodules[f"queue{number}"] = queue = Queue(room)
        sums = Value.cast(array.o.payload)
        place = Signal(range(self.config.gathered), name=f"place{number}")
        kept = [Signal(len(sums), name=f"kept{number}") for _ in range(self.config.gathered - 1)]
        final = place == self.config.gathered - 1
        m.d.comb += [
            queue.i.payload.eq(Cat(*kept, sums)),
            queue.i.valid.eq(array.o.valid & final),
            array.o.ready.eq(queue.i.ready),
        ]
        with m.If(array.o.valid & array.o.ready):
            m.d.sync += place.eq(Mux(final, 0, place + 1))
            for rank, register in enumerate(kept):
                with m.If(place == rank):
                    m.d.sync += register.eq(sums)
        return queue
