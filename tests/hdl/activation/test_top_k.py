"""Top-k equals `local_winners` for every order, size and stall, at the cycle that its config states."""

import numpy as np
import pytest

from hdl.activation.top_k import TopK, TopKConfig
from hdl.numerics import FixedPoint, local_winners
from hdl.streams.formats import DenseFormat
from tests.hdl.bench import STALLS, run_stream

U8, S8, S16 = FixedPoint(8, 4, False), FixedPoint(8, 4, True), FixedPoint(16, 8, True)
U2, S2 = FixedPoint(2, 0, False), FixedPoint(2, 0, True)


def _natural(shape, form, lanes, k):
    return TopKConfig(source=DenseFormat.natural(shape, form, lanes), k=k)


def _permuted(shape, form, lanes, k, padding):
    slots = np.r_[np.arange(shape[0]), np.full(padding, -1)]
    order = tuple(int(slot) for slot in np.random.default_rng(lanes).permutation(slots))
    return TopKConfig(source=DenseFormat(shape, form, lanes, order), k=k)


CONFIGS = {
    "reference": _natural((64, 2, 3), U8, 16, 6),
    "one element": _natural((1, 1, 1), U8, 1, 1),
    "one lane": _natural((5, 2, 2), S8, 1, 2),
    "one lane, all win": _natural((5, 2, 2), S8, 1, 5),
    "one group": _natural((6, 3, 3), S8, 6, 4),
    "more lanes than channels": _natural((3, 2, 3), S8, 8, 3),
    "three groups, padded": _natural((10, 2, 2), S8, 4, 7),
    "seven groups": _natural((13, 2, 2), U2, 2, 3),
    "five groups, permuted, ties": _permuted((17, 3, 2), S2, 4, 5, 3),
    "six groups, much padding, all win": _permuted((9, 2, 2), S2, 3, 9, 9),
    "wide values, one winner": _permuted((12, 2, 2), S16, 4, 1, 0),
}


def _frames(config, count):
    """Extremes first: nothing but the minimum, nothing but 0, then ties, then anything."""
    rng = np.random.default_rng(7)
    form, shape = config.source.form, config.source.shape
    ranges = [(form.minimum, form.minimum), (0, 0), (max(form.minimum, -1), 1), (form.minimum, form.maximum)]
    frames = [rng.integers(low, high + 1, shape) for low, high in ranges]
    return frames + [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(count - len(frames))]


def _run(config, frames, stall="none"):
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    return run_stream(TopK(config), beats, len(frames) * config.target.beats, stall=stall, budget=4_000)


def _assert_exact(config, frames, beats):
    for frame, start in zip(frames, range(0, len(beats), config.target.beats), strict=True):
        words = beats[start : start + config.target.beats]
        expected = local_winners(frame[None], config.k)[0]
        assert (config.target.decode(words) == expected).all()
        for word, pixel in zip(words, expected.reshape(expected.shape[0], -1).T, strict=True):
            pairs = config.target.payload.from_bits(word)
            assert pairs.count == 0 or pairs.pairs[pairs.count - 1].value != 0
            assert pairs.count == np.count_nonzero(pixel) or (pixel < 0).any()


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", CONFIGS)
def test_winners_are_exact_under_every_stall(name, stall):
    config = CONFIGS[name]
    frames = _frames(config, 5)
    _assert_exact(config, frames, _run(config, frames, stall).beats)


@pytest.mark.parametrize("name", CONFIGS)
def test_timing_is_exact_and_nothing_waits(name):
    config = CONFIGS[name]
    run = _run(config, _frames(config, 8))
    arrivals = np.arange(8 * config.source.beats)
    assert (run.accepted == arrivals).all()
    assert run.keeps_to(config.timing(arrivals))
    assert config.cycles_per_frame == config.source.beats
    assert run.offered[0] - run.accepted[config.source.groups - 1] == config.latency


def test_timing_is_exact_when_the_source_pauses():
    config = CONFIGS["three groups, padded"]
    run = _run(config, _frames(config, 6), "source")
    assert run.keeps_to(config.timing(run.accepted))


def test_a_beat_that_waits_is_timed_from_when_it_passes():
    config = CONFIGS["reference"]
    arrivals = np.arange(config.source.beats)
    assert (config.timing(np.zeros_like(arrivals)).offered == config.timing(arrivals).offered).all()


@pytest.mark.parametrize(("lanes", "k"), [(64, 8), (16, 40)])
def test_five_hundred_channels(lanes, k):
    config = _permuted((515, 1, 2), S8, lanes, k, -515 % lanes)
    frames = _frames(config, 4)
    _assert_exact(config, frames, _run(config, frames).beats)


def test_the_reference_pipeline_takes_24_cycles():
    assert CONFIGS["reference"].latency == 1 + 10 + 2 * (1 + 4) + 2 + 1


@pytest.mark.parametrize("k", [0, 65])
def test_k_outside_the_channels_is_refused(k):
    with pytest.raises(ValueError, match=f"k must be from 1 to 64 channels, not {k}"):
        _natural((64, 2, 2), U8, 16, k)
