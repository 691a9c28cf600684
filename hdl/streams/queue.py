"""A first-in first-out buffer between two streams."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.resources import Fabric, Resources
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Queue", "QueueConfig"]


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
        Whether a payload passes a register behind the memory, which block RAM can then be.
    """

    bits: int
    depth: int
    registered: bool = False

    def __post_init__(self) -> None:
        if self.bits < 1:
            raise ValueError(f"bits must be a positive integer, not {self.bits!r}")
        if self.depth < 1:
            raise ValueError(f"depth must be a positive integer, not {self.depth!r}")
        if self.registered and self.depth < 3:
            raise ValueError(f"depth must be at least 3 with a register behind, not {self.depth!r}")

    @property
    def latency(self) -> int:
        """Cycles from an accepted payload to its being offered."""
        return 1 + self.registered

    @property
    def interval(self) -> int:
        """Cycles from a payload to the next: a single place is free again only after it was read."""
        return 1 if self.depth > 1 else 2

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes; without a register behind it is read without delay, so never block RAM."""
        pointer = max(1, (self.depth - 1).bit_length())
        control = fabric.logic(3 * pointer + 3, 3 * pointer + 1)
        return control + fabric.memory(self.bits, self.depth, registered=self.registered)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when payloads pass. Exact."""
        accepted = wait_in_order(arrivals, self.interval)
        return Timing(accepted, accepted + self.latency)


class Queue(wiring.Component):
    """Hold up to `depth` payloads, in order.

    Timing
    ------
    Latency 1 cycle, 2 with a register behind the memory. Throughput 1 payload per cycle; at depth 1, one in
    two cycles. `i.ready` does not depend on `o.ready`.

    Resources
    ---------
    `bits × depth` of distributed memory, or of block RAM where that has a register behind it and takes less
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
        kind = fifo.SyncFIFOBuffered if self.config.registered else fifo.SyncFIFO
        m.submodules.fifo = buffer = kind(width=self.config.bits, depth=self.config.depth)
        m.d.comb += [
            buffer.w_data.eq(self.i.payload),
            buffer.w_en.eq(self.i.valid),
            self.i.ready.eq(buffer.w_rdy),
            self.o.payload.eq(buffer.r_data),
            self.o.valid.eq(buffer.r_rdy),
            buffer.r_en.eq(self.o.ready),
        ]
        return m
