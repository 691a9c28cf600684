"""Narrow a dense stream: the same slots in more, smaller beats."""

from dataclasses import dataclass, replace

import numpy as np
from amaranth.hdl import Module, Mux, Signal

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources
from hdl.streams.component import StreamComponent
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Regroup", "RegroupConfig"]


@dataclass(frozen=True, kw_only=True)
class RegroupConfig:
    """Format of the wide stream and lanes of the narrow one.

    Parameters
    ----------
    source : DenseFormat
    lanes : int
        Of the target; divides the source's.
    columns : int
        Of the target; divides the source's. More than one only with all lanes.
    """

    source: DenseFormat
    lanes: int
    columns: int = 1

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.source.lanes % self.lanes:
            raise ValueError(f"lanes must be a divisor of {self.source.lanes}, not {self.lanes!r}")
        if self.columns < 1 or self.source.columns % self.columns:
            raise ValueError(f"columns must be a divisor of {self.source.columns}, not {self.columns!r}")

    @property
    def target(self) -> DenseFormat:
        """The same slots in the same order, in more beats."""
        return replace(self.source, lanes=self.lanes, columns=self.columns)

    @property
    def parts(self) -> int:
        """Output beats an input beat."""
        return self.source.elements // self.target.elements

    @property
    def latency(self) -> int:
        """Cycles from an accepted beat to its first part's being offered."""
        return 2

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.target.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a choice and a register a bit of the wide beat."""
        queue = QueueConfig(bits=self.target.payload.size, depth=2)
        bits = self.source.payload.size
        shifted = Resources(lut=bits, ff=bits)
        return shifted + fabric.counter(self.parts) + queue.cost(fabric)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact."""
        accepted = wait_in_order(arrivals, self.parts)
        return Timing(accepted, (accepted[:, None] + np.arange(self.parts)).reshape(-1) + self.latency)


class Regroup(StreamComponent):
    """Send each beat in `parts` parts, the left pixel and the lowest lanes first.

    Timing
    ------
    Latency 2 cycles to a beat's first part. Throughput 1 output beat per cycle, without a gap between input
    beats. `i.ready` does not depend on `o.ready`.

    Resources
    ---------
    One input beat of registers, two output beats of distributed memory (estimated).

    Parameters
    ----------
    config : RegroupConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.config.target.payload.size
        m.submodules.queue = queue = Queue(QueueConfig(bits=bits, depth=2))
        held = Signal(self.config.source.payload.size, reset_less=True)
        busy = Signal()
        parts = self.config.parts
        # Whether the part is the last: known a cycle early, as much waits for it.
        part, final = Signal(bits_for_range(parts)), Signal(init=parts == 1)
        m.d.comb += [
            self.i.ready.eq(~busy | (final & queue.i.ready)),
            queue.i.valid.eq(busy),
            queue.i.payload.eq(held[:bits]),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        with m.If(busy & queue.i.ready):
            m.d.sync += [part.eq(part + 1), final.eq(part + 2 == parts)]
            with m.If(final):
                m.d.sync += [part.eq(0), final.eq(parts == 1)]
        with m.If(self.i.ready):
            m.d.sync += busy.eq(self.i.valid)
        # One condition for all of it, so that it becomes the enable of the registers and not tables. Under it
        # a beat is taken if none is held or its last part leaves, whatever the queue says.
        with m.If(~busy | queue.i.ready):
            m.d.sync += held.eq(Mux(~busy | final, self.i.payload, held >> bits))
        return m
