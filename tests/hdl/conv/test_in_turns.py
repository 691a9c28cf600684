"""Arrays in turns compute what one computes, in the same order, and windows pass when predicted."""

import numpy as np
import pytest

from hdl.conv.in_turns import ConvInTurns, ConvInTurnsConfig
from hdl.conv.zero_skip import ZeroSkipConvConfig
from hdl.mac.words import pack_words
from hdl.numerics import FixedPoint, local_winners
from hdl.streams.formats import DenseFormat, WinnersFormat
from tests.hdl.bench import STALLS, run_stream

CHANNELS, FILTERS, TAPS, WINNERS, WINDOWS = 5, 8, 3, 4, 7
# lanes of an array, arrays, groups gathered, density
CASES = [
    (2, 2, 2, 0.4),
    (2, 3, 4, 1.0),
    (4, 2, 1, 0.5),
    (1, 5, 8, 0.3),
    (8, 2, 1, 1.0),
    (1, 2, 2, 0.1),
    (1, 4, 2, 1.0),
]


def _case(lanes, arrays, gathered, density, full=False):
    rng = np.random.default_rng(lanes)
    form = FixedPoint(6, 0, False)
    weight = rng.integers(1, 32, (TAPS, CHANNELS, FILTERS))
    weight *= rng.random(weight.shape) < density
    order = tuple(rng.permutation(FILTERS).tolist())
    array = ZeroSkipConvConfig(
        source=WinnersFormat((CHANNELS, 1, WINDOWS), form, WINNERS),
        target=DenseFormat((FILTERS, 1, WINDOWS), FixedPoint(24, 0, True), lanes, order),
        tables=tuple(pack_words(tap, order, lanes, 7) for tap in weight),
        bias=rng.integers(-100, 100, FILTERS),
    )
    values = rng.integers(1, form.maximum + 1, (TAPS, CHANNELS, WINDOWS))
    if not full:
        values *= rng.random(values.shape) < 0.5
    pixels = [local_winners(tap[None, :, None, :], WINNERS)[0] for tap in values]
    words = np.array([array.source.encode(pixel) for pixel in pixels], dtype=object)
    bits = array.source.payload.size
    beats = [sum(int(word) << (bits * tap) for tap, word in enumerate(column)) for column in words.T]
    sums = np.einsum("tcw,tcf->fw", np.stack(pixels)[:, :, 0], weight) + array.bias[:, None]
    return ConvInTurnsConfig(array=array, arrays=arrays, gathered=gathered), beats, sums


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_equal_the_plain_convolution(case, stall):
    config, beats, sums = _case(*case)
    run = run_stream(ConvInTurns(config), beats * 2, 2 * config.target.beats, stall=stall)
    for frame in (run.beats[: config.target.beats], run.beats[config.target.beats :]):
        assert (config.target.decode(frame)[:, 0] == sums).all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_full_windows_pass_no_later_than_predicted(case):
    config, beats, _ = _case(*case, full=True)
    settle = config.array.readout.priming_cycles
    run = run_stream(ConvInTurns(config), beats * 3, 3 * config.target.beats, settle=settle)
    predicted = config.timing(np.zeros(3 * len(beats), dtype=int))
    assert (run.accepted <= predicted.accepted).all() and (run.offered <= predicted.offered).all()
    if case[3] == 1.0 or config.constant_time:
        assert run.keeps_to(predicted)


def test_an_array_goes_on_while_its_sums_wait_for_those_of_the_window_before():
    """Windows come at once, and take no longer than their sums take to leave: the output never rests."""
    rng, windows = np.random.default_rng(0), 24
    form, order = FixedPoint(6, 0, False), tuple(range(FILTERS))
    weight = np.zeros((TAPS, CHANNELS, FILTERS), dtype=np.int64)
    for tap in range(TAPS):
        for channel in range(CHANNELS):
            weight[tap, channel, rng.permutation(FILTERS)[: FILTERS // WINNERS]] = 1
    array = ZeroSkipConvConfig(
        source=WinnersFormat((CHANNELS, 1, windows), form, WINNERS),
        target=DenseFormat((FILTERS, 1, windows), FixedPoint(24, 0, True), 1, order),
        tables=tuple(pack_words(tap, order, 1, 7) for tap in weight),
        bias=np.zeros(FILTERS, dtype=np.int64),
    )
    config = ConvInTurnsConfig(array=array, arrays=2, gathered=2)
    assert array.worst_words == array.target.groups == FILTERS
    pixel = np.zeros((CHANNELS, 1, windows), dtype=np.int64)
    pixel[:WINNERS] = 1
    word, bits = array.source.encode(pixel)[0], array.source.payload.size
    beats = [sum(int(word) << (bits * tap) for tap in range(TAPS))] * windows
    settle = array.readout.priming_cycles
    run = run_stream(ConvInTurns(config), beats, config.target.beats, settle=settle)
    assert run.keeps_to(config.timing(np.zeros(windows, dtype=np.int64)))


def test_two_arrays_take_half_the_time():
    config, beats, _ = _case(2, 2, 2, 1.0)
    ends = [
        timed.timing(np.zeros(20 * len(beats), dtype=int)).offered[-1] for timed in (config.array, config)
    ]
    assert abs(ends[0] - 2 * ends[1]) <= 2 * config.latency
    assert config.multipliers == 2 * config.array.multipliers


@pytest.mark.parametrize(
    ("change", "text"),
    [({"arrays": 1}, "arrays must be at least 2, not 1"), ({"gathered": 3}, "a divisor of 4, not 3")],
)
def test_wrong_numbers_are_refused(change, text):
    config, *_ = _case(2, 2, 2, 0.4)
    with pytest.raises(ValueError, match=text):
        ConvInTurnsConfig(**{"array": config.array, "arrays": 2, "gathered": 2, **change})
