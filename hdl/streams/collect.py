"""Gather a pixel's groups into one word that names every channel."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources
from hdl.streams.component import StreamComponent
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Collect", "CollectConfig"]


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """Format of the dense stream.

    Parameters
    ----------
    source : DenseFormat
    """

    source: DenseFormat

    @property
    def target(self) -> WinnersFormat:
        """Every channel of a pixel in one beat."""
        return WinnersFormat(self.source.shape, self.source.form, self.source.shape[0])

    @property
    def latency(self) -> int:
        """Cycles from a pixel's last accepted group to the pixel's being offered."""
        return 1

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.source.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: registers for all groups but the last, and a queue of two pixels."""
        bits, groups = self.source.payload.size, self.source.groups
        queue = QueueConfig(bits=self.source.shape[0] * self.source.form.width, depth=2)
        kept = Resources(lut=groups - 1, ff=(groups - 1) * bits)
        return kept + fabric.counter(groups) + queue.cost(fabric)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact."""
        accepted = wait_in_order(arrivals)
        return Timing(accepted, accepted[self.source.groups - 1 :: self.source.groups] + self.latency)


class Collect(StreamComponent):
    """Keep a pixel's groups until its last one comes, then send them together.

    Timing
    ------
    Latency 1 cycle from the last group. Throughput 1 input beat per cycle. `i.ready` does not depend on
    `o.ready`.

    Numerics
    --------
    The tensor stays the same. Pair c is always channel c, and `count` the number of channels, so both are
    constants; a pair may carry the value 0.

    Resources
    ---------
    Registers for all groups but the last, two pixels of distributed memory (estimated).

    Parameters
    ----------
    config : CollectConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source = self.config.source
        channels, width = source.shape[0], source.form.width
        m.submodules.queue = queue = Queue(QueueConfig(bits=channels * width, depth=2))
        group = Signal(bits_for_range(source.groups))
        final = group == source.groups - 1
        kept = [Signal(source.payload.size, name=f"group_{n}") for n in range(source.groups - 1)]
        slots = Cat(*kept, self.i.payload)
        m.d.comb += [
            self.i.ready.eq(queue.i.ready),
            queue.i.valid.eq(self.i.valid & final),
            queue.i.payload.eq(Cat(slots.word_select(source.order.index(c), width) for c in range(channels))),
            self.o.payload.count.eq(channels),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        for channel, pair in enumerate(self.o.payload.pairs):
            m.d.comb += [
                pair.index.eq(channel),
                pair.value.eq(queue.o.payload.word_select(channel, width)),
            ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += group.eq(Mux(final, 0, group + 1))
            for number, register in enumerate(kept):
                with m.If(group == number):
                    m.d.sync += register.eq(self.i.payload)
        return m
