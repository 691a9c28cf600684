"""Put the winners of each pixel back among their channels: from pairs to a dense stream."""

from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, signed

from hdl.numerics import bits_for_range, signed_bits
from hdl.resources import Fabric, Resources
from hdl.streams.component import StreamComponent
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Expand", "ExpandConfig"]


@dataclass(frozen=True, kw_only=True)
class ExpandConfig:
    """Format of the winners and lanes of the dense stream.

    Parameters
    ----------
    source : WinnersFormat
    lanes : int
        Of the target.
    """

    source: WinnersFormat
    lanes: int

    def __post_init__(self) -> None:
        if self.lanes < 1:
            raise ValueError(f"lanes must be a positive integer, not {self.lanes!r}")

    @property
    def target(self) -> DenseFormat:
        """Every channel, in ascending order; 0 where there was no winner."""
        return DenseFormat.natural(self.source.shape, self.source.form, self.lanes)

    @property
    def latency(self) -> int:
        """Cycles from an accepted pixel to its first group's being offered."""
        return 2

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.target.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a subtractor a winner, and for each lane what picks the winner on it."""
        queue = QueueConfig(bits=self.target.payload.size, depth=2)
        winners, width = self.source.at_most, self.source.form.width
        reach = signed_bits(-len(self.target.order), (1 << self.source.index_bits) - 1)
        lane = fabric.logic(winners * (-(-reach // 6) + width))
        moved = fabric.sum(reach) + Resources(lut=1, ff=reach + width)
        control = fabric.counter(self.target.groups) + queue.cost(fabric)
        return self.target.lanes * lane + winners * moved + control

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact."""
        groups = self.target.groups
        accepted = wait_in_order(arrivals, groups)
        return Timing(accepted, (accepted[:, None] + np.arange(groups)).reshape(-1) + self.latency)


class Expand(StreamComponent):
    """Hold a pixel's winners while its groups pass; each lane takes the winner that falls on it.

    Timing
    ------
    Latency 2 cycles to a pixel's first group. Throughput 1 output beat per cycle, without a gap between
    pixels. `i.ready` does not depend on `o.ready`.

    Numerics
    --------
    The tensor stays the same. No two winners of a pixel may name one channel.

    Resources
    ---------
    A register and a small subtractor for each winner; a comparator for each winner and lane (estimated).

    Parameters
    ----------
    config : ExpandConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source, target = self.config.source, self.config.target
        m.submodules.queue = queue = Queue(QueueConfig(bits=target.payload.size, depth=2))
        # How far right of this group's first channel each winner stands; negative once it has passed.
        reach = signed_bits(-len(target.order), (1 << source.index_bits) - 1)
        distances = [Signal(signed(reach), name=f"distance_{rank}") for rank in range(source.at_most)]
        values = [Signal(source.form.width, name=f"value_{rank}") for rank in range(source.at_most)]
        busy = Signal()
        group = Signal(bits_for_range(target.groups))
        final = group == target.groups - 1
        winners = list(zip(distances, values, strict=True))
        m.d.comb += [
            self.i.ready.eq(~busy | (final & queue.i.ready)),
            queue.i.valid.eq(busy),
            queue.i.payload.eq(
                Cat(
                    reduce(or_, (Mux(distance == lane, value, 0) for distance, value in winners))
                    for lane in range(target.lanes)
                )
            ),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        with m.If(busy & queue.i.ready):
            m.d.sync += group.eq(Mux(final, 0, group + 1))
            m.d.sync += [distance.eq(distance - target.lanes) for distance in distances]
        with m.If(self.i.ready):
            m.d.sync += busy.eq(self.i.valid)
            for rank, (distance, value) in enumerate(winners):
                pair = self.i.payload.pairs[rank]
                m.d.sync += [
                    distance.eq(Mux(rank < self.i.payload.count, pair.index, -1)),
                    value.eq(pair.value),
                ]
        return m
