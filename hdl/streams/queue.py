"""A first-in first-out buffer between two streams."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.resources import Fabric, Resources
from hdl.streams.flagged_fifo import FlaggedFIFO
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["DEEP", "Queue", "QueueConfig"]

DEEP = 64
"""Payloads from which on a queue is worth registers behind it: in tables it is large, and slow."""


@dataclass(frozen=True, kw_only=True)
class QueueConfig:
    """Width and depth of one queue.

    Parameters
    ----------
    bits : int
        Payload width; at least 1.
    depth : int
        Payloads held; at least 1.
    registered : bool
        Whether a payload passes two registers behind the memory, which block RAM can then be: that is slow.
    """

    bits: int
    depth: int
    registered: bool = False

    def __post_init__(self) -> None:
        if self.bits < 1:
            raise ValueError(f"bits must be a positive integer, not {self.bits!r}")
        if self.depth < 1:
            raise ValueError(f"depth must be a positive integer, not {self.depth!r}")
        if self.registered and self.depth < 5:
            raise ValueError(f"depth must be at least 5 with registers behind, not {self.depth!r}")

    @property
    def latency(self) -> int:
        """Cycles from an accepted payload to its being offered."""
        return 1 + 2 * self.registered

    @property
    def interval(self) -> int:
        """Cycles from a payload to the next: a single place is free again only after it was read."""
        return 1 if self.depth > 1 else 2

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes; without a register behind it is read without delay, so never block RAM."""
        pointer = max(1, (self.depth - 1).bit_length())
        control = fabric.logic(3 * pointer + 5, 3 * pointer + 3)
        stored = fabric.memory(self.bits, self.depth, registered=self.registered)
        behind = QueueConfig(bits=self.bits, depth=2).cost(fabric) if self.registered else Resources()
        return control + stored + behind

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when payloads pass. Exact."""
        accepted = wait_in_order(arrivals, self.interval)
        return Timing(accepted, accepted + self.latency)


class Queue(wiring.Component):
    """Hold up to `depth` payloads, in order.

    Timing
    ------
    Latency 1 cycle, 3 with registers behind the memory. Throughput 1 payload per cycle; at depth 1, one in
    two cycles. `i.ready` does not depend on `o.ready`; it is a register, as is `o.valid`.

    Resources
    ---------
    `bits × depth` of distributed memory, or of block RAM where that has registers behind it and takes less
    (estimated).

    Parameters
    ----------
    config : QueueConfig

    Members
    -------
    i : In(stream.Signature(bits))
    o : Out(stream.Signature(bits))
    """

    def __init__(self, config: QueueConfig) -> None:
        self.config = config
        super().__init__({"i": In(stream.Signature(config.bits)), "o": Out(stream.Signature(config.bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, depth = self.config.bits, self.config.depth
        end = self.o
        if self.config.registered:
            m.submodules.fifo = buffer = fifo.SyncFIFOBuffered(width=bits, depth=depth - 2)
            # A cycle of its own for what leaves block RAM.
            m.submodules.behind = behind = Queue(QueueConfig(bits=bits, depth=2))
            wiring.connect(m, wiring.flipped(self.o), behind.o)
            end = behind.i
        else:
            m.submodules.fifo = buffer = FlaggedFIFO(width=bits, depth=depth)
        m.d.comb += [
            buffer.w_data.eq(self.i.payload),
            buffer.w_en.eq(self.i.valid),
            self.i.ready.eq(buffer.w_rdy),
            end.payload.eq(buffer.r_data),
            end.valid.eq(buffer.r_rdy),
            buffer.r_en.eq(end.ready),
        ]
        return m
