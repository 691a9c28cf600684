"""Read words from memory in bursts, as many under way as there is room for."""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.axi.axi_memory import AxiRead, drive_constants
from hdl.axi.bursts import Bursts, BurstsConfig

__all__ = ["MemoryReader", "MemoryReaderConfig"]


@dataclass(frozen=True, kw_only=True)
class MemoryReaderConfig:
    """How words are read.

    Parameters
    ----------
    bursts : BurstsConfig
    depth : int
        Words held or under way; at least one burst.
    """

    bursts: BurstsConfig
    depth: int

    def __post_init__(self) -> None:
        if self.depth < self.bursts.burst_words:
            raise ValueError(f"depth must be at least {self.bursts.burst_words}, not {self.depth!r}")


class MemoryReader(wiring.Component):
    """Turn transfers into words, in order.

    A burst is asked for once there is room for all of it, so that the bus never waits for the design.

    Timing
    ------
    Throughput 1 word per cycle but for the gaps the memory leaves, once `depth` covers its latency.

    Errors
    ------
    `fault` is the first response that was no OKAY, and stays until `clear`; `fault_word` then says how many
    words had come since `clear` before that one. Words come on whatever the response was.

    Resources
    ---------
    A memory of `depth` words (estimated).

    Parameters
    ----------
    config : MemoryReaderConfig

    Members
    -------
    i : In(stream.Signature(config.bursts.transfer))
    o : Out(stream.Signature(word_bits))
    bus : Out(AxiRead(word_bits))
    clear : In(1)
    fault : Out(2)
    fault_word : Out(config.bursts.count_bits)
    """

    def __init__(self, config: MemoryReaderConfig) -> None:
        self.config = config
        bursts = config.bursts
        super().__init__(
            {
                "i": In(stream.Signature(bursts.transfer)),
                "o": Out(stream.Signature(bursts.word_bits)),
                "bus": Out(AxiRead(bursts.word_bits, bursts.address_bits)),
                "clear": In(1),
                "fault": Out(2),
                "fault_word": Out(bursts.count_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus = self.config, self.bus
        m.submodules.bursts = bursts = Bursts(config.bursts)
        m.submodules.words = words = fifo.SyncFIFOBuffered(width=config.bursts.word_bits, depth=config.depth)
        connect(m, flipped(self.i), bursts.i)
        room = Signal(range(config.depth + 1), init=config.depth)
        ask, give = Signal(), Signal()
        length = bursts.o.payload.words
        m.d.comb += [
            drive_constants(bus, "r", config.bursts.word_bits),
            bus.rready.eq(1),
            words.w_data.eq(bus.rdata),
            words.w_en.eq(bus.rvalid),
            self.o.payload.eq(words.r_data),
            self.o.valid.eq(words.r_rdy),
            words.r_en.eq(self.o.ready),
            give.eq(self.o.valid & self.o.ready),
            # Stage 1: a burst waits for room. Stage 2: its address waits for the bus.
            ask.eq(bursts.o.valid & (room >= length) & (~bus.arvalid | bus.arready)),
            bursts.o.ready.eq(ask),
        ]
        m.d.sync += room.eq(room - Mux(ask, length, 0) + give)
        with m.If(ask):
            m.d.sync += [bus.araddr.eq(bursts.o.payload.address), bus.arlen.eq(length - 1), bus.arvalid.eq(1)]
        with m.Elif(bus.arready):
            m.d.sync += bus.arvalid.eq(0)
        with m.If(self.clear):
            m.d.sync += [self.fault.eq(0), self.fault_word.eq(0)]
        with m.Elif(bus.rvalid & (self.fault == 0)):
            with m.If(bus.rresp != 0):
                m.d.sync += self.fault.eq(bus.rresp)
            with m.Else():
                m.d.sync += self.fault_word.eq(self.fault_word + 1)
        return m
