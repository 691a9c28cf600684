"""Global winners equal the function for every order, size and stall, at the cycle that the config states."""

import numpy as np
import pytest

from hdl.activation.global_winners import GlobalWinners, GlobalWinnersConfig
from hdl.numerics import FixedPoint, global_winners
from hdl.streams.formats import DenseFormat
from tests.hdl.bench import STALLS, run_stream

U8, S8, S16 = FixedPoint(8, 4, False), FixedPoint(8, 4, True), FixedPoint(16, 8, True)
U1, U2, S2 = FixedPoint(1, 0, False), FixedPoint(2, 0, False), FixedPoint(2, 0, True)


def _natural(shape, form, lanes, k):
    return GlobalWinnersConfig(source=DenseFormat.natural(shape, form, lanes), k=k)


def _permuted(shape, form, lanes, k, padding=0):
    slots = np.r_[np.arange(shape[0]), np.full(padding, -1)]
    order = tuple(int(slot) for slot in np.random.default_rng(lanes).permutation(slots))
    return GlobalWinnersConfig(source=DenseFormat(shape, form, lanes, order), k=k)


CONFIGS = {
    "vector": _natural((24, 1, 1), U8, 4, 5),
    "vector, padded": _natural((23, 1, 1), S8, 4, 22),
    "vector, permuted, padded": _permuted((23, 1, 1), S8, 5, 9, 7),
    "vector, one beat": _permuted((9, 1, 1), S8, 9, 3),
    "one lane": _natural((7, 1, 1), S2, 1, 3),
    "two elements": _natural((2, 1, 1), U1, 1, 1),
    "two elements in a beat": _natural((2, 1, 1), S2, 2, 1),
    "two pixels, more lanes than channels": _natural((1, 1, 2), S8, 3, 1),
    "image, ties": _natural((6, 3, 2), U2, 4, 11),
    "image, permuted, ties": _permuted((10, 2, 3), S2, 3, 31, 2),
    "image, one group": _permuted((5, 3, 3), S16, 5, 44),
}


def _frames(config, count):
    """Extremes first: nothing but the minimum, nothing but 0, then ties, then anything."""
    rng = np.random.default_rng(11)
    form, shape = config.source.form, config.source.shape
    ranges = [(form.minimum, form.minimum), (0, 0), (max(form.minimum, -1), 1), (form.minimum, form.maximum)]
    frames = [rng.integers(low, high + 1, shape) for low, high in ranges]
    return frames + [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(count - len(frames))]


def _run(config, frames, stall="none"):
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    budget = config.latency + (len(frames) + 2) * (config.cycles_per_frame + 8 * config.source.beats)
    return run_stream(GlobalWinners(config), beats, len(beats), stall=stall, budget=budget)


def _expected(config, frames):
    return [
        beat for frame in frames for beat in config.target.encode(global_winners(frame[None], config.k)[0])
    ]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", CONFIGS)
def test_winners_are_exact_under_every_stall(name, stall):
    config = CONFIGS[name]
    frames = _frames(config, 5)
    assert _run(config, frames, stall).beats == _expected(config, frames)


@pytest.mark.parametrize("name", CONFIGS)
def test_timing_is_exact_and_does_not_depend_on_data(name):
    config = CONFIGS[name]
    run = _run(config, _frames(config, 6))
    beats = config.source.beats
    assert run.keeps_to(config.timing(np.zeros(6 * beats, dtype=np.int64)))
    assert run.keeps_to(config.timing(run.accepted))
    assert run.offered[0] - run.accepted[beats - 1] == config.latency
    assert (np.diff(run.offered[::beats]) == config.cycles_per_frame).all()


def test_timing_is_exact_when_the_source_pauses():
    config = CONFIGS["image, ties"]
    run = _run(config, _frames(config, 6), "source")
    assert run.keeps_to(config.timing(run.accepted))


@pytest.mark.parametrize(("lanes", "cycles"), [(16, 5 * (94 + 5) + 94), (33, 5 * (46 + 6) + 46)])
def test_fifteen_hundred_elements_meet_their_budget(lanes, cycles):
    config = _permuted((1500, 1, 1), U8, lanes, 150, -1500 % lanes)
    assert config.cycles_per_frame == cycles
    rng = np.random.default_rng(lanes)
    frames = [np.maximum(rng.integers(-200, 56, (1500, 1, 1)), 0), rng.integers(0, 3, (1500, 1, 1))]
    run = _run(config, frames)
    assert run.beats == _expected(config, frames)
    assert run.keeps_to(config.timing(run.accepted))


@pytest.mark.parametrize("k", [0, 24])
def test_k_without_losers_is_refused(k):
    with pytest.raises(ValueError, match=f"k must be from 1 to 23, less than the elements, not {k}"):
        _natural((6, 2, 2), U8, 4, k)
