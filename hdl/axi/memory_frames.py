"""Run frames that lie in memory through a design, and put its outputs back."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.axi.axi_memory import AxiRead, AxiWrite
from hdl.axi.axi_stream import AxiStream
from hdl.axi.bursts import BurstsConfig
from hdl.axi.frame_layout import FrameLayout
from hdl.axi.kernel_control import ControlConfig
from hdl.axi.memory_reader import MemoryReader, MemoryReaderConfig
from hdl.axi.memory_writer import MemoryWriter, MemoryWriterConfig
from hdl.axi.multiply_by_constants import MultiplyByConstants, MultiplyByConstantsConfig
from hdl.axi.pack_words import PackWords
from hdl.axi.unpack_words import UnpackWords
from hdl.streams.watchdog import STUCK_BITS, flags_and_stuck

__all__ = ["FLAGS", "MEMORY_BITS", "VERSION", "MemoryFrames", "MemoryFramesConfig"]

MEMORY_BITS = 512
"""Width of a card's memory, as kernels see it."""
VERSION = 0x5A53_0001
"""What the register `version` reads: the letters ZS, and the number of this interface."""
COUNT_BITS = 32
FLAGS = ("read_slave", "read_decode", "write_slave", "write_decode", "misaligned", "frame_error")
"""Bits of `flags`, the lowest first: what memory answered (SLVERR, DECERR), and what else went wrong."""


@dataclass(frozen=True, kw_only=True)
class MemoryFramesConfig:
    """What a design takes and gives.

    Parameters
    ----------
    source, target : FrameLayout
        Of inputs and outputs in words of `MEMORY_BITS`.
    burst_words : int
        Most words a burst.
    depth : int
        Words that can be under way from memory.
    """

    source: FrameLayout
    target: FrameLayout
    burst_words: int = 16
    depth: int = 256

    def __post_init__(self) -> None:
        if {self.source.word_bits, self.target.word_bits} != {MEMORY_BITS}:
            raise ValueError(f"word_bits must be {MEMORY_BITS}")

    @property
    def bursts(self) -> BurstsConfig:
        """How both sides split transfers: wide enough for any number of frames that the registers hold."""
        return BurstsConfig(
            word_bits=MEMORY_BITS, burst_words=self.burst_words, count_bits=self.words.product_bits
        )

    @property
    def words(self) -> MultiplyByConstantsConfig:
        """How the words of both sides follow from the count of frames."""
        return MultiplyByConstantsConfig(bits=COUNT_BITS, factors=(self.source.words, self.target.words))

    @property
    def control(self) -> ControlConfig:
        """The registers: pointers and count; the results are also what is written at `status`."""
        return ControlConfig(
            arguments=(("source", 64), ("target", 64), ("status", 64), ("count", COUNT_BITS)),
            results=(
                ("version", 32), ("flags", 32), ("cycles", 64), ("starved", 64), ("stalled", 64),
                ("fault_word", 64),
            ),
        )  # fmt: skip


class MemoryFrames(wiring.Component):
    """Read `count` frames from `source`, send them, write what comes back to `target`, then a report.

    The report is one word at `status`: the results in the order of `config.control`. All pointers must be
    multiples of a word. Where `source` or `target` is none, nothing is moved and the report says so; where
    `status` is none, no report is written. After an error of the memory the run goes on to its end, so that
    the next one starts clean.

    Timing
    ------
    That of the design, where the memory keeps up. `done` comes once the report has been answered; with 0
    frames, that is all that happens.

    Parameters
    ----------
    config : MemoryFramesConfig

    Members
    -------
    read : Out(AxiRead(MEMORY_BITS)); write : Out(AxiWrite(MEMORY_BITS))
    frames : Out(AxiStream(config.source.data_bits)); outputs : In(AxiStream(config.target.data_bits))
    frame_error : In(1)
    stuck : In(16)
        What the design's watchdog says, 0 without one; it stands in the upper half of `flags`.
    start : In(1); done : Out(1)
    source, target, status, count : In
        The arguments; they must hold still during a run.
    version, flags, cycles, starved, stalled, fault_word : Out
        `flags`: see `FLAGS`; `cycles` of the run up to the last output; those of them in which the design
        could have taken a transfer and none was there, and in which it had one that could not leave;
        `fault_word`: words read before the first that memory answered with an error.
    """

    def __init__(self, config: MemoryFramesConfig) -> None:
        self.config = config
        control = config.control
        super().__init__(
            {
                "read": Out(AxiRead(MEMORY_BITS)),
                "write": Out(AxiWrite(MEMORY_BITS)),
                "frames": Out(AxiStream(config.source.data_bits)),
                "outputs": In(AxiStream(config.target.data_bits)),
                "frame_error": In(1),
                "stuck": In(STUCK_BITS),
                "start": In(1),
                "done": Out(1),
                **{name: In(bits) for name, bits in control.arguments},
                **{name: Out(bits) for name, bits in control.results},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.reader = reader = MemoryReader(
            MemoryReaderConfig(bursts=config.bursts, depth=config.depth)
        )
        m.submodules.writer = writer = MemoryWriter(
            MemoryWriterConfig(bursts=config.bursts, depth=2 * config.burst_words)
        )
        m.submodules.unpack = unpack = UnpackWords(config.source)
        m.submodules.pack = pack = PackWords(config.target)
        connect(m, reader.bus, flipped(self.read))
        connect(m, writer.bus, flipped(self.write))
        connect(m, reader.o, unpack.i)
        connect(m, unpack.o, flipped(self.frames))
        connect(m, flipped(self.outputs), pack.i)
        m.d.comb += [reader.clear.eq(self.start), writer.clear.eq(self.start)]
        moving, reporting, misaligned = Signal(), Signal(), Signal()
        self._results(m, reader, writer, misaligned)
        with m.If(moving):
            m.d.sync += [
                self.cycles.eq(self.cycles + 1),
                self.starved.eq(self.starved + (self.frames.tready & ~self.frames.tvalid)),
                self.stalled.eq(self.stalled + (self.outputs.tvalid & ~self.outputs.tready)),
            ]
        report = Cat(getattr(self, name) for name, _ in config.control.results)
        m.d.comb += [
            writer.words.payload.eq(Mux(reporting, report, pack.o.payload)),
            writer.words.valid.eq(Mux(reporting, 1, pack.o.valid)),
            pack.o.ready.eq(~reporting & writer.words.ready),
        ]
        self._sequence(m, reader, writer, moving, reporting, misaligned)
        return m

    def _results(self, m: Module, reader: MemoryReader, writer: MemoryWriter, misaligned: Signal) -> None:
        """Say what went wrong, in the order of `FLAGS`; counters start anew with each run."""
        faults = [part.fault == response for part in (reader, writer) for response in (2, 3)]
        m.d.comb += [
            self.version.eq(VERSION),
            self.flags.eq(flags_and_stuck(Cat(*faults, misaligned, self.frame_error), self.stuck)),
            self.fault_word.eq(reader.fault_word),
        ]
        with m.If(self.start):
            m.d.sync += [self.cycles.eq(0), self.starved.eq(0), self.stalled.eq(0)]

    def _sequence(
        self, m: Module, reader: MemoryReader, writer: MemoryWriter, moving: Signal, reporting: Signal,
        misaligned: Signal,
    ) -> None:  # fmt: skip
        """Multiply the count by the words of a frame, move, report."""
        m.submodules.words = words = MultiplyByConstants(self.config.words)
        m.d.comb += words.i.payload.eq(self.count)
        low = MEMORY_BITS // 8 - 1
        with m.FSM():
            with m.State("idle"), m.If(self.start):
                m.d.comb += words.i.valid.eq(1)
                m.d.sync += misaligned.eq(((self.source | self.target) & low).any())
                m.next = "ask"
            with m.State("ask"), m.If(words.o.valid):
                nothing = (self.count == 0) | misaligned
                m.d.comb += [
                    words.o.ready.eq(1),
                    reader.i.valid.eq(~nothing),
                    reader.i.payload.eq(Cat(self.source, words.o.payload[0])),
                    writer.i.valid.eq(~nothing),
                    writer.i.payload.eq(Cat(self.target, words.o.payload[1])),
                ]
                # Both are idle between runs, so that both take their transfer at once.
                m.d.sync += moving.eq(~nothing)
                m.next = "move"
                with m.If(nothing):
                    m.next = "report"
            with m.State("move"), m.If(writer.written):
                m.d.sync += moving.eq(0)
                m.next = "report"
            with m.State("report"):
                m.d.comb += writer.i.payload.eq(Cat(self.status, 1))
                m.d.comb += writer.i.valid.eq(~(self.status & low).any())
                m.next = "fill"
                with m.If((self.status & low).any()):
                    m.d.comb += self.done.eq(1)
                    m.next = "idle"
            with m.State("fill"):
                m.d.comb += reporting.eq(1)
                with m.If(writer.words.ready):
                    m.next = "close"
            with m.State("close"), m.If(writer.written):
                m.d.comb += self.done.eq(1)
                m.next = "idle"
