"""Frames survive the way through words, in the stated cycles, whatever pauses."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.axi.frame_layout import FrameLayout
from hdl.axi.pack_words import PackWords, pack_timing
from hdl.axi.unpack_words import UnpackWords, unpack_timing
from hdl.streams.formats import bits_of
from tests.hdl.axi.hosts import transfer
from tests.hdl.bench import STALLS, run_stream

TABLE = {
    "many slots, the last word partly used": FrameLayout(beats=11, data_bits=8, word_bits=32),
    "words all used": FrameLayout(beats=8, data_bits=16, word_bits=64),
    "slots wider than transfers": FrameLayout(beats=5, data_bits=24, word_bits=64),
    "a transfer a word": FrameLayout(beats=3, data_bits=32, word_bits=32),
    "a transfer takes several words": FrameLayout(beats=3, data_bits=72, word_bits=32),
    "a frame within a word": FrameLayout(beats=2, data_bits=8, word_bits=64),
    "one transfer": FrameLayout(beats=1, data_bits=8, word_bits=32),
}
FRAMES = 5


class _Ends(wiring.Component):
    """A component with its AXI4-Stream as a stream whose payload is tdata, tlast."""

    def __init__(self, inner):
        self.inner, layout = inner, inner.config
        beats, words = stream.Signature(transfer(layout.data_bits)), stream.Signature(layout.word_bits)
        self.packs = isinstance(inner, PackWords)
        super().__init__({"i": In(beats if self.packs else words), "o": Out(words if self.packs else beats)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        outer, axis = (self.i, inner.i) if self.packs else (self.o, inner.o)
        payload = outer.payload
        pairs = [(axis.tdata, payload.tdata), (axis.tlast, payload.tlast), (axis.tvalid, outer.valid)]
        m.d.comb += [a.eq(b) if self.packs else b.eq(a) for a, b in pairs]
        m.d.comb += outer.ready.eq(axis.tready) if self.packs else axis.tready.eq(outer.ready)
        if self.packs:
            connect(m, inner.o, flipped(self.o))
        else:
            connect(m, flipped(self.i), inner.i)
        return m


def _frames(layout):
    rng = np.random.default_rng(31)
    return [
        [int.from_bytes(rng.bytes(layout.data_bits // 8), "little") for _ in range(layout.beats)]
        for _ in range(FRAMES)
    ]


def _both_ways(layout):
    """Return the transfers and the words of some frames."""
    shape = transfer(layout.data_bits)
    frames = _frames(layout)
    beats = [
        bits_of(shape, {"tdata": value, "tlast": number == layout.beats - 1})
        for frame in frames
        for number, value in enumerate(frame)
    ]
    return beats, [word for frame in frames for word in layout.encode(frame)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_words_become_transfers(name, stall):
    layout = TABLE[name]
    beats, words = _both_ways(layout)
    budget = 40 + 6 * (len(beats) + len(words))
    run = run_stream(_Ends(UnpackWords(layout)), words, len(beats), stall=stall, budget=budget)
    assert run.beats == beats
    if stall in ("none", "source"):
        assert run.keeps_to(unpack_timing(layout, run.accepted))
    if stall == "none":
        assert run.keeps_to(unpack_timing(layout, np.zeros(len(words), dtype=int)))


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_transfers_become_words(name, stall):
    layout = TABLE[name]
    beats, words = _both_ways(layout)
    budget = 40 + 6 * (len(beats) + len(words))
    run = run_stream(_Ends(PackWords(layout)), beats, len(words), stall=stall, budget=budget)
    assert run.beats == words
    if stall in ("none", "source"):
        assert run.keeps_to(pack_timing(layout, run.accepted))
    if stall == "none":
        assert run.keeps_to(pack_timing(layout, np.zeros(len(beats), dtype=int)))


@pytest.mark.parametrize("name", TABLE)
def test_a_layout_reads_what_it_wrote(name):
    layout = TABLE[name]
    for frame in _frames(layout):
        words = layout.encode(frame)
        assert len(words) * layout.word_bits // 8 == layout.bytes
        assert layout.decode(words) == frame


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beats": 0}, "beats must be a positive integer, not 0"),
        ({"data_bits": 0}, "data_bits must be a positive integer, not 0"),
        ({"word_bits": 48}, "word_bits must be a power of two of at least 8, not 48"),
    ],
)
def test_a_wrong_layout_is_rejected(fields, message):
    with pytest.raises(ValueError, match=message):
        FrameLayout(**{"beats": 1, "data_bits": 8, "word_bits": 64} | fields)
