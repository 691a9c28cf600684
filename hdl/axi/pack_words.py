"""Put the transfers that a design sends into the words that frames lie in."""

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.axi_stream import AxiStream
from hdl.axi.frame_layout import FrameLayout
from hdl.streams.counter import count_rounds
from hdl.streams.timing import Timing

__all__ = ["PackWords", "pack_timing"]


def pack_timing(layout: FrameLayout, arrivals: np.ndarray) -> Timing:
    """Return when transfers are taken and words are offered. Exact.

    `arrivals[n]` is the cycle in which transfer n is first offered, of whole frames.
    """
    accepted: list[int] = []
    offered: list[int] = []
    for number, arrival in enumerate(arrivals.tolist()):
        free = offered[-1] if offered else 0
        accepted.append(max(arrival, free, accepted[-1] + 1 if accepted else 0))
        beat = number % layout.beats
        if beat == layout.beats - 1 or (beat + 1) % layout.slots == 0:
            offered += range(accepted[-1] + 1, accepted[-1] + 1 + layout.pieces)
    return Timing(np.array(accepted), np.array(offered))


class PackWords(wiring.Component):
    """Collect transfers into words; `decode` of the layout is what undoes it.

    Timing
    ------
    Latency 1 cycle from a word's last transfer. Throughput 1 transfer per cycle, or 1 word, whichever is
    less. `i.tready` depends combinationally on `o.ready`.

    Framing
    -------
    Transfers are counted: `tlast` is not looked at.

    Resources
    ---------
    A register of the wider of a word and a slot, written slot by slot (estimated).

    Parameters
    ----------
    layout : FrameLayout

    Members
    -------
    i : In(AxiStream(layout.data_bits))
    o : Out(stream.Signature(layout.word_bits))
    """

    def __init__(self, layout: FrameLayout) -> None:
        self.config = layout
        super().__init__(
            {"i": In(AxiStream(layout.data_bits)), "o": Out(stream.Signature(layout.word_bits))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = self.config
        held = Signal(max(layout.word_bits, layout.slot_bits))
        full, take, send = Signal(), Signal(), Signal()
        slot = Signal(range(layout.slots))
        _, last = count_rounds(m, layout.beats, take)
        _, sent = count_rounds(m, layout.pieces, send)
        m.d.comb += [
            send.eq(full & self.o.ready),
            self.i.tready.eq(~full | sent),
            take.eq(self.i.tvalid & self.i.tready),
            self.o.payload.eq(held[: layout.word_bits]),
            self.o.valid.eq(full),
        ]
        with m.If(send):
            m.d.sync += held.eq(held >> layout.word_bits)
        with m.If(sent):
            m.d.sync += full.eq(0)
        with m.If(take):
            with m.If(slot == 0):
                m.d.sync += held.eq(self.i.tdata)
            with m.Else():
                m.d.sync += held.word_select(slot, layout.slot_bits).eq(self.i.tdata)
            m.d.sync += slot.eq(slot + 1)
            with m.If(last | (slot == layout.slots - 1)):
                m.d.sync += [full.eq(1), slot.eq(0)]
        return m
