"""Write words to memory in bursts, each once all of its words are there."""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.axi.axi_memory import AxiWrite, drive_constants
from hdl.axi.bursts import Bursts, BurstsConfig

__all__ = ["MemoryWriter", "MemoryWriterConfig"]

MOST_UNANSWERED = 64


@dataclass(frozen=True, kw_only=True)
class MemoryWriterConfig:
    """How words are written.

    Parameters
    ----------
    bursts : BurstsConfig
    depth : int
        Words held; at least one burst.
    """

    bursts: BurstsConfig
    depth: int

    def __post_init__(self) -> None:
        if self.depth < self.bursts.burst_words:
            raise ValueError(f"depth must be at least {self.bursts.burst_words}, not {self.depth!r}")


class MemoryWriter(wiring.Component):
    """Write transfers, in order, with the words that come in.

    A burst begins once all of its words are held, so that the bus never waits for the design. Address and
    words are offered at once, neither waiting for the other.

    Timing
    ------
    Throughput 1 word per cycle but for 1 cycle a burst and the gaps the memory leaves.

    Errors
    ------
    `fault` is the first response that was no OKAY, and stays until `clear`.

    Resources
    ---------
    A memory of `depth` words (estimated).

    Parameters
    ----------
    config : MemoryWriterConfig

    Members
    -------
    i : In(stream.Signature(config.bursts.transfer))
    words : In(stream.Signature(word_bits))
    bus : Out(AxiWrite(word_bits))
    written : Out(1)
        High for a cycle when every word of a transfer has been answered.
    clear : In(1)
    fault : Out(2)
    """

    def __init__(self, config: MemoryWriterConfig) -> None:
        self.config = config
        bursts = config.bursts
        super().__init__(
            {
                "i": In(stream.Signature(bursts.transfer)),
                "words": In(stream.Signature(bursts.word_bits)),
                "bus": Out(AxiWrite(bursts.word_bits, bursts.address_bits)),
                "written": Out(1),
                "clear": In(1),
                "fault": Out(2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus = self.config, self.bus
        m.submodules.bursts = bursts = Bursts(config.bursts)
        m.submodules.held = held = fifo.SyncFIFOBuffered(width=config.bursts.word_bits, depth=config.depth)
        connect(m, flipped(self.i), bursts.i)
        # Words held that no burst has claimed; words of the present burst yet to go; bursts yet unanswered.
        unclaimed, to_send = Signal(range(config.depth + 1)), Signal(range(config.bursts.burst_words + 1))
        unanswered = Signal(range(MOST_UNANSWERED + 1))
        begin, take, closing = Signal(), Signal(), Signal()
        length = bursts.o.payload.words
        m.d.comb += [
            drive_constants(bus, "w", config.bursts.word_bits),
            bus.wstrb.eq(-1),
            bus.wdata.eq(held.r_data),
            bus.wvalid.eq((to_send != 0) & held.r_rdy),
            bus.wlast.eq(to_send == 1),
            bus.bready.eq(1),
            held.r_en.eq(bus.wvalid & bus.wready),
            held.w_data.eq(self.words.payload),
            held.w_en.eq(self.words.valid),
            self.words.ready.eq(held.w_rdy),
            take.eq(self.words.valid & held.w_rdy),
            begin.eq(
                bursts.o.valid & (unclaimed >= length) & (to_send == 0) & ~bus.awvalid
                & (unanswered != MOST_UNANSWERED) & ~closing
            ),
            bursts.o.ready.eq(begin),
            self.written.eq(closing & (unanswered == 0)),
        ]  # fmt: skip
        m.d.sync += [
            unclaimed.eq(unclaimed + take - Mux(begin, length, 0)),
            unanswered.eq(unanswered + begin - bus.bvalid),
        ]
        with m.If(begin):
            m.d.sync += [
                bus.awaddr.eq(bursts.o.payload.address),
                bus.awlen.eq(length - 1),
                bus.awvalid.eq(1),
                to_send.eq(length),
                closing.eq(bursts.o.payload.last),
            ]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += bus.awvalid.eq(0)
        with m.If(held.r_en):
            m.d.sync += to_send.eq(to_send - 1)
        with m.If(self.written):
            m.d.sync += closing.eq(0)
        with m.If(self.clear):
            m.d.sync += self.fault.eq(0)
        with m.Elif(bus.bvalid & (self.fault == 0)):
            m.d.sync += self.fault.eq(bus.bresp)
        return m
