"""Unpacking lists every winner once, in time, and ends each frame."""

import numpy as np
import pytest

from hdl.numerics import FixedPoint, local_winners
from hdl.streams.formats import WinnersFormat
from hdl.streams.unpack import Unpack, UnpackConfig
from tests.hdl.bench import STALLS, run_stream

S5, U4 = FixedPoint(5, 0, True), FixedPoint(4, 0, False)
TABLE = {
    "a few winners": ((7, 2, 2), S5, 3),
    "one winner": ((6, 1, 3), U4, 1),
    "every channel": ((5, 2, 1), S5, 5),
    "one pixel": ((12, 1, 1), U4, 4),
    "one element": ((1, 1, 1), S5, 1),
}


def _frames(shape, form, at_most):
    """Return frames from full to empty, among them one whose last pixel alone is empty."""
    rng = np.random.default_rng(13)
    frames = [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(5)]
    frames[1][rng.random(shape) < 0.7] = 0
    frames[2][:] = 0
    frames[3][:, -1, -1] = 0
    return [local_winners(frame[None], at_most)[0] for frame in frames]


def _expected(source, beats):
    """Return the (last, active, index, value) entries of one frame's winner beats."""
    entries = []
    for pixel, beat in enumerate(beats):
        word = source.payload.from_bits(beat)
        pairs = [(p.index, p.value) for p in word.pairs][: word.count]
        entries += [[0, 1, pixel * source.shape[0] + index, value] for index, value in pairs]
    if not word.count:
        entries.append([0, 0, None, None])
    entries[-1][0] = 1
    return entries


def _split(target, beats):
    """Cut the beats of several frames behind each `last`."""
    ends = [n + 1 for n, beat in enumerate(beats) if target.payload.from_bits(beat).last]
    return [beats[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def _fields(target, beat):
    entry = target.payload.from_bits(beat)
    return [entry.last, entry.active, *((entry.index, entry.value) if entry.active else (None, None))]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_every_winner_is_listed(name, stall):
    config = UnpackConfig(source=WinnersFormat(*TABLE[name]))
    frames = _frames(*TABLE[name])
    inputs = [config.source.encode(frame) for frame in frames]
    expected = [entry for beats in inputs for entry in _expected(config.source, beats)]
    beats = [beat for frame in inputs for beat in frame]
    budget = 60 + 6 * len(frames) * config.cycles_per_frame
    run = run_stream(Unpack(config), beats, len(expected), stall=stall, budget=budget)
    assert [_fields(config.target, beat) for beat in run.beats] == expected
    decoded = [config.target.decode(frame) for frame in _split(config.target, run.beats)]
    assert (np.array(decoded) == np.array(frames)).all()
    if stall == "none":
        counts = [max(1, config.source.payload.from_bits(beat).count) for beat in beats]
        assert run.accepted[-1] == sum(counts[:-1])
        bound = config.timing(np.zeros(len(beats), dtype=int))
        assert (run.accepted <= bound.accepted).all()
        assert run.offered[-1] <= bound.offered[-1]


@pytest.mark.parametrize("name", TABLE)
def test_full_frames_take_the_time_stated(name):
    shape, form, at_most = TABLE[name]
    config = UnpackConfig(source=WinnersFormat(shape, form, at_most))
    full = local_winners(np.full((1, *shape), form.maximum), at_most)[0]
    beats = 3 * config.source.encode(full)
    budget = 20 + 3 * config.cycles_per_frame
    run = run_stream(Unpack(config), beats, 3 * config.target.at_most, budget=budget)
    assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))
    assert not config.constant_time


def test_the_order_is_pixel_by_pixel():
    target = UnpackConfig(source=WinnersFormat((2, 1, 3), S5, 2)).target
    assert (target.order, target.at_most) == ((0, 3, 1, 4, 2, 5), 6)
