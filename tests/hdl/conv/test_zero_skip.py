"""The zero-skipping convolution equals a plain one, at the predicted cycle, under every stall."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from hdl.conv.zero_skip import ZeroSkipConv, ZeroSkipConvConfig
from hdl.mac.words import pack_words
from hdl.numerics import FixedPoint, local_winners
from hdl.streams.formats import DenseFormat, WinnersFormat
from tests.hdl.bench import STALLS, run_stream

# channels, filters, taps, winners, lanes, density, signed, bias
CASES = [
    (8, 6, 4, 2, 2, 0.3, False, True),
    (5, 7, 2, 5, 3, 1.0, True, True),
    (4, 4, 1, 1, 4, 0.5, False, False),
    (6, 5, 3, 3, 1, 0.0, True, True),
    (9, 8, 6, 2, 4, 0.2, True, False),
    (4, 5, 3, 4, 5, 0.8, False, True),
]


def _case(
    channels, filters, taps, winners, lanes, density, signed, bias,
    windows=9, full=False, cycles=0, paired=False,
):  # fmt: skip
    rng = np.random.default_rng(channels * taps)
    form = FixedPoint(8, 0, signed)
    weight = rng.integers(-127, 128, (taps, channels, filters))
    weight *= rng.random(weight.shape) < density
    slots = -(-filters // lanes)
    order = tuple(rng.permutation([*range(filters), *[-1] * (slots * lanes - filters)]).tolist())
    target = DenseFormat((filters, 1, windows), FixedPoint(24, 0, True), lanes, order)
    config = ZeroSkipConvConfig(
        source=WinnersFormat((channels, 1, windows), form, winners),
        target=target,
        tables=tuple(pack_words(tap, order, lanes, 8, paired) for tap in weight),
        bias=rng.integers(-1000, 1000, filters) * bias,
        window_cycles=cycles,
    )
    low = 1 if full else form.minimum
    values = rng.integers(low, form.maximum + 1, (taps, channels, windows))
    if not full:
        values *= rng.random(values.shape) < 0.4
    pixels = [local_winners(tap[None, :, None, :], winners)[0] for tap in values]
    bits = config.source.payload.size
    words = np.array([config.source.encode(p) for p in pixels], dtype=object)
    beats = [sum(int(w) << (bits * tap) for tap, w in enumerate(column)) for column in words.T]
    sums = np.einsum("tcw,tcf->fw", np.stack([p[:, 0] for p in pixels]), weight) + config.bias[:, None]
    listed = [[config.source.payload.from_bits(int(w)).pairs for w in column] for column in words.T]
    channel, value = (
        np.array([[[pair[name] for pair in pairs] for pairs in column] for column in listed])
        for name in ("index", "value")
    )
    return config, beats, (channel, value), sums[:, None, :]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_equal_the_plain_convolution(case, stall):
    # Every other set of stalls meets lanes that share multipliers.
    config, beats, _, expected = _case(*case, paired=stall in ("none", "both"))
    run = run_stream(ZeroSkipConv(config), beats * 2, 2 * config.target.beats, stall=stall)
    half = config.target.beats
    for frame in (run.beats[:half], run.beats[half:]):
        assert (config.target.decode(frame) == expected).all()


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("share", [0, 7, 40])
def test_columns_share_taps_within_the_time_of_a_window(case, share):
    alone, *_ = _case(*case)
    config, beats, listed, expected = _case(*case, cycles=share and max(alone.worst_words, share))
    assert config.worst_words <= max(alone.worst_words, share)
    assert config.multipliers <= alone.multipliers
    walked = [(column.taps[tap], rank) for column in config.columns for tap, rank in column.places]
    taps, winners = len(config.tables), config.source.at_most
    assert walked == [(tap, rank) for tap in range(taps) for rank in range(winners)]
    run = run_stream(ZeroSkipConv(config), beats, config.target.beats, settle=config.readout.priming_cycles)
    assert (config.target.decode(run.beats) == expected).all()
    assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int), config.cycles(*listed)))


@pytest.mark.parametrize("addressed", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_beats_are_offered_when_predicted(case, addressed):
    config, beats, listed, expected = _case(*case)
    config = replace(config, addressed=addressed)
    run = run_stream(ZeroSkipConv(config), beats, config.target.beats, settle=config.readout.priming_cycles)
    assert (config.target.decode(run.beats) == expected).all()
    arrivals = np.zeros(len(beats), dtype=int)
    assert run.keeps_to(config.timing(arrivals, config.cycles(*listed)))
    bound = config.timing(arrivals)
    assert (run.accepted <= bound.accepted).all()
    assert (run.offered <= bound.offered).all()


def test_a_full_window_of_uniform_words_attains_the_bound():
    config, beats, _, _ = _case(4, 4, 2, 3, 2, 1.0, False, False, full=True)
    run = run_stream(ZeroSkipConv(config), beats, config.target.beats, settle=config.readout.priming_cycles)
    assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))


class Standing(wiring.Component):
    """An array behind what leaves a window standing for the cycle after it was taken, then takes the next."""

    def __init__(self, config):
        self.array = ZeroSkipConv(config)
        super().__init__(self.array.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.array = array = self.array
        standing = Signal(self.i.payload.shape().size)
        m.d.comb += [self.i.ready.eq(~array.i.valid), array.i.payload.as_value().eq(standing)]
        wiring.connect(m, wiring.flipped(self.o), array.o)
        with m.If(array.i.ready):
            m.d.sync += array.i.valid.eq(0)
        with m.If(~array.i.valid):
            m.d.sync += [array.i.valid.eq(self.i.valid), standing.eq(self.i.payload)]
        return m


@pytest.mark.parametrize("addressed", [False, True])
@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_window_may_be_kept_a_cycle_late_if_it_stands_so_long(case, stall, addressed):
    config, beats, _, expected = _case(*case, paired=stall in ("none", "both"))
    config = replace(config, late=True, addressed=addressed)
    run = run_stream(Standing(config), beats * 2, 2 * config.target.beats, stall=stall)
    half = config.target.beats
    for frame in (run.beats[:half], run.beats[half:]):
        assert (config.target.decode(frame) == expected).all()


def test_tables_of_another_shape_are_refused():
    config, *_ = _case(*CASES[0])
    with pytest.raises(ValueError, match="tables must have 3 lanes × 2 slots"):
        ZeroSkipConvConfig(
            source=config.source,
            target=DenseFormat.natural((6, 1, 9), config.target.form, 3),
            tables=config.tables,
            bias=config.bias,
        )
