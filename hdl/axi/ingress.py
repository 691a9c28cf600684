"""Bring frames in over AXI4-Stream, and stay in step when one is cut short or too long."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.axi_stream import AxiStream
from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Ingress", "IngressConfig"]


@dataclass(frozen=True, kw_only=True)
class IngressConfig:
    """What the frames become; one transfer carries one beat of it.

    Parameters
    ----------
    target : DenseFormat
        Elements of at most 16 bits.
    """

    target: DenseFormat

    def __post_init__(self) -> None:
        if self.target.form.width > 16:
            raise ValueError(f"an input element must have at most 16 bits, not {self.target.form.width}")

    @property
    def container_bits(self) -> int:
        """Bits of `tdata` an element: 8, or 16 if its format is wider."""
        return 8 if self.target.form.width <= 8 else 16

    @property
    def data_bits(self) -> int:
        """Width of `tdata`; the left pixel, and in it lane 0, in its lowest bytes."""
        return self.container_bits * self.target.elements

    @property
    def beats(self) -> int:
        """Transfers a frame."""
        return self.target.beats

    @property
    def latency(self) -> int:
        """Cycles from an accepted transfer to its being offered."""
        return 1

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a queue of two beats and counters."""
        queue = QueueConfig(bits=self.target.payload.size, depth=2)
        counters = fabric.counter(self.target.beats) + fabric.counter(self.target.groups)
        return queue.cost(fabric) + counters + fabric.logic(8, 3)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact for frames of the right length."""
        accepted = wait_in_order(arrivals)
        return Timing(accepted, accepted + self.latency)

    def encode(self, tensor: np.ndarray) -> list[int]:
        """Cut int64[channels, height, width] into the `tdata` of one frame; `tlast` goes with the last."""
        mask = (1 << self.target.form.width) - 1
        words = []
        for beat in self.target.encode(tensor):
            values = [beat >> (self.target.form.width * n) & mask for n in range(self.target.elements)]
            words.append(sum(value << (self.container_bits * n) for n, value in enumerate(values)))
        return words


class Ingress(wiring.Component):
    """Pass each transfer on as a beat, and hold every frame to its length.

    Timing
    ------
    Latency 1 cycle. Throughput 1 beat per cycle. `i.tready` does not depend on `o.ready`.

    Framing
    -------
    `tlast` must come with the last beat of a frame and with no other. A frame that ends early is completed
    with zeros; what follows the last beat of a frame that goes on is swallowed, up to and including its
    `tlast`. So the next frame is computed right. `frame_error` rises the cycle after the first such
    frame shows itself, and stays until reset.

    Numerics
    --------
    An element is the lowest bits of its container; the others are ignored. Padded slots become 0.

    Parameters
    ----------
    config : IngressConfig

    Members
    -------
    i : In(AxiStream(config.data_bits))
    o : Out(stream.Signature(config.target.payload))
    frame_error : Out(1)
    """

    def __init__(self, config: IngressConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(AxiStream(config.data_bits)),
                "o": Out(stream.Signature(config.target.payload)),
                "frame_error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        target = self.config.target
        m.submodules.queue = queue = Queue(QueueConfig(bits=target.payload.size, depth=2))
        beat = Signal(bits_for_range(target.beats))
        group = Signal(bits_for_range(target.groups))
        final = beat == target.beats - 1
        elements = Cat(self._element(number, group) for number in range(target.elements))
        filling, swallowing = Signal(), Signal()
        m.d.comb += [
            self.i.tready.eq(swallowing | (~filling & queue.i.ready)),
            queue.i.valid.eq(filling | (self.i.tvalid & ~swallowing)),
            queue.i.payload.eq(Mux(filling, 0, elements)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        with m.If(queue.i.valid & queue.i.ready):
            m.d.sync += [
                beat.eq(Mux(final, 0, beat + 1)),
                group.eq(Mux(group == target.groups - 1, 0, group + 1)),
            ]
            with m.If(filling):
                m.d.sync += filling.eq(~final)
            with m.Elif(self.i.tlast != final):
                m.d.sync += [self.frame_error.eq(1), filling.eq(~final), swallowing.eq(final)]
        with m.If(swallowing & self.i.tvalid):
            m.d.sync += swallowing.eq(~self.i.tlast)
        return m

    def _element(self, place: int, group: Signal) -> Value:
        """Return the element at one place of a beat, or 0 where its slot carries nothing."""
        target = self.config.target
        lane = place % target.lanes
        value = self.i.tdata.word_select(place, self.config.container_bits)[: target.form.width]
        padded = [number for number in range(target.groups) if target.order[number * target.lanes + lane] < 0]
        return Mux(Cat(group == number for number in padded).any(), 0, value) if padded else value
