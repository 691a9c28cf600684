"""Cut the words that frames lie in into the transfers that a design takes."""

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.axi_stream import AxiStream
from hdl.axi.frame_layout import FrameLayout
from hdl.streams.counter import count_rounds
from hdl.streams.timing import Timing

__all__ = ["UnpackWords", "unpack_timing"]


def unpack_timing(layout: FrameLayout, arrivals: np.ndarray) -> Timing:
    """Return when words are taken and transfers are offered. Exact.

    `arrivals[n]` is the cycle in which word n is first offered, of whole frames.
    """
    accepted: list[int] = []
    offered: list[int] = []
    left = 0
    for number, arrival in enumerate(arrivals.tolist()):
        first = number % layout.pieces == 0
        free = offered[-1] if offered and first else -1
        accepted.append(max(arrival, free, accepted[-1] + 1 if accepted else 0))
        if (number + 1) % layout.pieces == 0:
            left = left or layout.beats
            count = min(layout.slots, left)
            start = max(accepted[-1] + 1, offered[-1] + 1 if offered else 0)
            offered += range(start, start + count)
            left -= count
    return Timing(np.array(accepted), np.array(offered))


class UnpackWords(wiring.Component):
    """Take frames out of words, transfer by transfer; `encode` of the layout is what undoes it.

    Timing
    ------
    Latency 1 cycle from a transfer's last word. Throughput 1 transfer per cycle, or 1 word, whichever is
    less. `i.ready` depends combinationally on `o.tready`.

    Framing
    -------
    `tlast` goes with the last transfer of each frame; the slots behind it are dropped.

    Resources
    ---------
    A shift register of the wider of a word and a slot (estimated).

    Parameters
    ----------
    layout : FrameLayout

    Members
    -------
    i : In(stream.Signature(layout.word_bits))
    o : Out(AxiStream(layout.data_bits))
    """

    def __init__(self, layout: FrameLayout) -> None:
        self.config = layout
        super().__init__(
            {"i": In(stream.Signature(layout.word_bits)), "o": Out(AxiStream(layout.data_bits))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = self.config
        held = Signal(max(layout.word_bits, layout.slot_bits))
        full = Signal()
        step, load = Signal(), Signal()
        slot = Signal(range(layout.slots))
        beat, last = count_rounds(m, layout.beats, step)
        final = Signal()
        _, whole = count_rounds(m, layout.pieces, load)
        m.d.comb += [
            step.eq(full & self.o.tready),
            final.eq(last | (step & (slot == layout.slots - 1))),
            self.i.ready.eq(~full | final),
            load.eq(self.i.valid & self.i.ready),
            self.o.tdata.eq(held[: layout.data_bits]),
            self.o.tvalid.eq(full),
            self.o.tlast.eq(beat == layout.beats - 1),
        ]
        with m.If(step):
            m.d.sync += [slot.eq(Mux(final, 0, slot + 1)), held.eq(held >> layout.slot_bits)]
        with m.If(load):
            m.d.sync += held.eq(Cat(held, self.i.payload)[layout.word_bits :])
        m.d.sync += full.eq(whole | (full & ~final))
        return m
