"""The sparse-dense convolution equals a plain one, exactly when predicted, under every stall."""

import numpy as np
import pytest

from hdl.conv.sparse_dense import SparseDenseConv, SparseDenseConvConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from tests.hdl.bench import STALLS, run_stream

# channels, filters, taps, lanes, density, signed, bias
CASES = [
    (1, 6, 9, 3, 0.5, True, True),
    (3, 5, 4, 5, 0.4, False, True),
    (1, 7, 3, 2, 1.0, True, False),
    (2, 4, 1, 1, 0.0, True, True),
    (1, 1, 5, 1, 0.6, False, True),
]


def _case(channels, filters, taps, lanes, density, is_signed, bias, windows=7):
    rng = np.random.default_rng(filters * taps)
    form = FixedPoint(8, 0, is_signed)
    weight = rng.integers(-127, 128, (filters, channels, taps))
    weight *= rng.random(weight.shape) < density
    slots = -(-filters // lanes)
    order = tuple(rng.permutation([*range(filters), *[-1] * (slots * lanes - filters)]).tolist())
    source = DenseFormat((channels, 1, windows), form, channels, tuple(rng.permutation(channels).tolist()))
    target = DenseFormat((filters, 1, windows), FixedPoint(24, 0, True), lanes, order)
    bias = rng.integers(-1000, 1000, filters) * bias
    config = SparseDenseConvConfig(source=source, target=target, weight=weight, bias=bias)
    x = rng.integers(form.minimum, form.maximum + 1, (taps, channels, 1, windows))
    pixels = np.array([source.encode(tap) for tap in x], dtype=object)
    bits = source.payload.size
    beats = [sum(int(p) << (bits * tap) for tap, p in enumerate(column)) for column in pixels.T]
    sums = np.einsum("tcw,fct->fw", x[:, :, 0], weight) + bias[:, None]
    return config, beats, sums[:, None, :]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_equal_the_plain_convolution(case, stall):
    config, beats, expected = _case(*case)
    run = run_stream(SparseDenseConv(config), beats * 2, 2 * config.target.beats, stall=stall)
    half = config.target.beats
    for frame in (run.beats[:half], run.beats[half:]):
        assert (config.target.decode(frame) == expected).all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_beats_are_offered_when_predicted(case):
    config, beats, _ = _case(*case)
    run = run_stream(SparseDenseConv(config), beats, config.target.beats)
    assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))


def test_zero_weights_have_no_multiplier():
    config, *_ = _case(*CASES[0])
    per_filter = (config.weight != 0).sum(axis=(1, 2))
    by_lane = [max(per_filter[c] for c in config.target.order[lane::3] if c >= 0) for lane in range(3)]
    assert config.multipliers == sum(by_lane) < config.weight.size


def test_a_pixel_of_several_beats_is_refused():
    config, *_ = _case(*CASES[1])
    source = DenseFormat.natural((3, 1, 7), config.source.form, 1)
    with pytest.raises(ValueError, match="source must have one beat a pixel, not 3"):
        SparseDenseConvConfig(source=source, target=config.target, weight=config.weight, bias=config.bias)
