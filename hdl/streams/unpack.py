"""Send the winners of each pixel one by one: from pairs to a list of entries."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module, Mux, Signal

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources
from hdl.streams.component import StreamComponent
from hdl.streams.formats import EntryFormat, WinnersFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Unpack", "UnpackConfig"]


@dataclass(frozen=True, kw_only=True)
class UnpackConfig:
    """Format of the winners.

    Parameters
    ----------
    source : WinnersFormat
    """

    source: WinnersFormat

    @property
    def target(self) -> EntryFormat:
        """One winner a beat, numbered pixel × channels + channel."""
        channels, height, width = self.source.shape
        pixels = height * width
        places = np.arange(channels * pixels).reshape(channels, pixels).T
        return EntryFormat(
            self.source.shape,
            self.source.form,
            min(channels * pixels, self.source.at_most * pixels),
            tuple(places.ravel().tolist()),
        )

    @property
    def latency(self) -> int:
        """Cycles from an accepted pixel to its first winner's being offered."""
        return 2

    @property
    def constant_time(self) -> bool:
        """Whether the time is the same for every input."""
        return False

    @property
    def cycles_per_frame(self) -> int:
        """Most cycles from one frame to the next: every pixel has `at_most` winners."""
        return self.source.beats * self.source.at_most

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a choice and a register a bit of the pairs, and an adder of index width."""
        queue = QueueConfig(bits=self.target.payload.size, depth=2)
        pairs, index = self.source.payload["pairs"].shape.size, self.target.index_bits
        shifted = Resources(lut=pairs, ff=pairs)
        counters = fabric.counter(self.source.beats) + fabric.counter(self.source.at_most + 1)
        return shifted + 2 * fabric.sum(index) + Resources(ff=index) + counters + queue.cost(fabric)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass, if every pixel has `at_most` winners.

        Upper bounds. What is offered is aligned at `last`: a frame with fewer winners lacks some beats,
        and the remaining ones, counted from its last, come no later.
        """
        winners = self.source.at_most
        accepted = wait_in_order(arrivals, winners)
        return Timing(accepted, (accepted[:, None] + np.arange(winners)).reshape(-1) + self.latency)


class Unpack(StreamComponent):
    """Shift a pixel's pairs out, one a cycle.

    Timing
    ------
    Latency 2 cycles to a pixel's first winner. A pixel takes max(1, count) cycles, without a gap to the next.
    `i.ready` does not depend on `o.ready`.

    Numerics
    --------
    The tensor stays the same. A pair of value 0 is sent like any other. If a frame's last pixel has no
    winner, `last` travels with an inactive beat.

    Resources
    ---------
    One input beat of registers, an adder of index width (estimated).

    Parameters
    ----------
    config : UnpackConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source, target = self.config.source, self.config.target
        m.submodules.queue = queue = Queue(QueueConfig(bits=target.payload.size, depth=2))
        pairs = Signal(source.payload["pairs"].shape)
        left = Signal(range(source.at_most + 1))
        busy, active, final = Signal(), Signal(), Signal()
        pixel = Signal(bits_for_range(source.beats))
        first_index = Signal(bits_for_range(len(target.order)))
        last_pixel = pixel == source.beats - 1
        entry = Signal(target.payload)
        m.d.comb += [
            self.i.ready.eq(~busy | (final & queue.i.ready)),
            active.eq(left != 0),
            final.eq(left <= 1),
            entry.last.eq(final & last_pixel),
            entry.active.eq(active),
            entry.index.eq(first_index + pairs[0].index),
            entry.value.eq(pairs[0].value),
            queue.i.valid.eq(busy & (active | last_pixel)),
            queue.i.payload.eq(entry),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        with m.If(busy & queue.i.ready):
            pair_bits = len(pairs.as_value()) // source.at_most
            m.d.sync += [pairs.eq(pairs.as_value() >> pair_bits), left.eq(left - 1)]
            with m.If(final):
                m.d.sync += [
                    pixel.eq(Mux(last_pixel, 0, pixel + 1)),
                    first_index.eq(Mux(last_pixel, 0, first_index + source.shape[0])),
                ]
        with m.If(self.i.ready):
            m.d.sync += [busy.eq(self.i.valid), pairs.eq(self.i.payload.pairs), left.eq(self.i.payload.count)]
        return m
