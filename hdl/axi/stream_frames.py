"""Run frames that a DMA engine streams through a design, and stream its outputs back as one packet."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.axi.axi_stream import AxiStream
from hdl.axi.frame_layout import FrameLayout
from hdl.axi.kernel_control import ControlConfig
from hdl.axi.memory_frames import VERSION
from hdl.axi.pack_words import PackWords
from hdl.axi.unpack_words import UnpackWords
from hdl.streams.counter import count_rounds
from hdl.streams.watchdog import STUCK_BITS, flags_and_stuck

__all__ = ["FLAGS", "StreamFrames", "StreamFramesConfig"]

COUNT_BITS = 32
FLAGS = ("cut_short", "too_long", "frame_error")
"""Bits of `flags`, the lowest first: the packet ended too early, went on too long; the design complains."""


@dataclass(frozen=True, kw_only=True)
class StreamFramesConfig:
    """What a design takes and gives.

    Parameters
    ----------
    source, target : FrameLayout
        Of inputs and outputs, in words of the width of the DMA engine.
    """

    source: FrameLayout
    target: FrameLayout

    @property
    def control(self) -> ControlConfig:
        """The registers."""
        return ControlConfig(
            arguments=(("count", COUNT_BITS),),
            results=(("version", 32), ("flags", 32), ("cycles", 64), ("starved", 64), ("stalled", 64)),
            clears=True,
        )


class StreamFrames(wiring.Component):
    """Take `count` frames in one packet, give their outputs in one packet.

    Nothing is taken before `start`. A packet that ends early is completed with zeros; of one that goes on,
    what is behind the last frame is swallowed, up to its `tlast`. Either way the outputs are `count`, the
    next run starts clean, and `flags` says what happened.

    Timing
    ------
    That of the design, where the engine keeps up. `done` comes with the last output or the end of the
    packet, whichever is later; with 0 frames the cycle after `start`.

    Parameters
    ----------
    config : StreamFramesConfig

    Members
    -------
    i : In(AxiStream(config.source.word_bits)); o : Out(AxiStream(config.target.word_bits))
    frames : Out(AxiStream(config.source.data_bits)); outputs : In(AxiStream(config.target.data_bits))
    frame_error : In(1)
    stuck : In(16)
        What the design's watchdog says, 0 without one; it stands in the upper half of `flags`.
    start : In(1); done : Out(1)
    count : In(32)
        Must hold still during a run.
    version, flags, cycles, starved, stalled : Out
        `flags`: see `FLAGS`; the others as those of :class:`hdl.axi.memory_frames.MemoryFrames`.
    """

    def __init__(self, config: StreamFramesConfig) -> None:
        self.config = config
        control = config.control
        super().__init__(
            {
                "i": In(AxiStream(config.source.word_bits)),
                "o": Out(AxiStream(config.target.word_bits)),
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
        m.submodules.unpack = unpack = UnpackWords(config.source)
        m.submodules.pack = pack = PackWords(config.target)
        connect(m, unpack.o, flipped(self.frames))
        connect(m, flipped(self.outputs), pack.i)
        # Frames that have yet to come in, and to go out.
        coming, going = Signal(COUNT_BITS), Signal(COUNT_BITS)
        filling, swallowing, running = Signal(), Signal(), Signal()
        cut_short, too_long = Signal(), Signal()
        take, send = Signal(), Signal()
        _, came = count_rounds(m, config.source.words, take)
        word, went = count_rounds(m, config.target.words, send)
        final = came & (coming == 1)
        m.d.comb += [
            self.i.tready.eq(swallowing | ((coming != 0) & ~filling & unpack.i.ready)),
            unpack.i.valid.eq((coming != 0) & (filling | self.i.tvalid)),
            unpack.i.payload.eq(Mux(filling, 0, self.i.tdata)),
            take.eq(unpack.i.valid & unpack.i.ready),
            self.o.tdata.eq(pack.o.payload),
            self.o.tvalid.eq(pack.o.valid),
            self.o.tlast.eq((going == 1) & (word == config.target.words - 1)),
            pack.o.ready.eq(self.o.tready),
            send.eq(self.o.tvalid & self.o.tready),
            self.done.eq(running & (coming == 0) & (going == 0) & ~swallowing),
            self.version.eq(VERSION),
            self.flags.eq(flags_and_stuck(Cat(cut_short, too_long, self.frame_error), self.stuck)),
        ]
        m.d.sync += [coming.eq(coming - came), going.eq(going - went)]
        with m.If(take & ~filling & (self.i.tlast != final)):
            m.d.sync += [filling.eq(~final), swallowing.eq(final)]
            m.d.sync += [cut_short.eq(cut_short | ~final), too_long.eq(too_long | final)]
        with m.If(take & final):
            m.d.sync += filling.eq(0)
        with m.If(swallowing & self.i.tvalid):
            m.d.sync += swallowing.eq(~self.i.tlast)
        with m.If(running):
            m.d.sync += [
                self.cycles.eq(self.cycles + 1),
                self.starved.eq(self.starved + (self.frames.tready & ~self.frames.tvalid)),
                self.stalled.eq(self.stalled + (self.outputs.tvalid & ~self.outputs.tready)),
            ]
        with m.If(self.start):
            m.d.sync += [coming.eq(self.count), going.eq(self.count), running.eq(1)]
            m.d.sync += [cut_short.eq(0), too_long.eq(0)]
            m.d.sync += [self.cycles.eq(0), self.starved.eq(0), self.stalled.eq(0)]
        with m.Elif(self.done):
            m.d.sync += running.eq(0)
        return m
