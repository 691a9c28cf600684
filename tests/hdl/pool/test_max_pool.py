"""The pool computes `hdl.numerics.max_pool`, at one beat a cycle and the latency it states."""

import numpy as np
import pytest

from hdl.numerics import FixedPoint, max_pool
from hdl.pool.max_pool import MaxPool, MaxPoolConfig
from hdl.streams.formats import DenseFormat
from tests.hdl.bench import STALLS, run_stream

S6, U5 = FixedPoint(6, 2, True), FixedPoint(5, 0, False)
# shape, form, lanes, kernel, pixels a beat
TABLE = {
    "one beat a pixel": ((3, 4, 4), S6, 3, (2, 2)),
    "groups, the last one padded": ((5, 4, 6), U5, 2, (2, 3)),
    "remainders": ((3, 5, 7), S6, 2, (2, 2)),
    "rows only": ((2, 6, 3), S6, 2, (3, 1)),
    "columns only": ((2, 2, 7), S6, 1, (1, 3)),
    "the whole frame": ((4, 3, 3), U5, 4, (3, 3)),
    "one window and a remainder": ((1, 3, 3), S6, 1, (2, 2)),
    "windows of one element": ((3, 2, 3), S6, 2, (1, 1)),
    "one element": ((1, 1, 1), U5, 1, (1, 1)),
    "several pixels a beat, one window": ((3, 5, 4), S6, 3, (2, 2), 2),
    "several windows a beat": ((2, 4, 12), U5, 3, (2, 3), 6),
    "several pixels a beat, rows only": ((2, 3, 4), S6, 2, (3, 1), 2),
}


def _pooled(config, frame):
    return max_pool(frame[None], config.kernel)[0]


def _frames(config):
    """Return random frames, then all minima, all maxima, zeros, and minima but for one last element."""
    form, shape = config.source.form, config.source.shape
    rng = np.random.default_rng(3)
    frames = [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(3)]
    frames += [np.full(shape, value) for value in (form.minimum, form.maximum, 0, form.minimum)]
    frames[-1][-1, -1, -1] = form.minimum + 1
    return frames


def _check(config, stall):
    frames = _frames(config)
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    outputs = len(frames) * config.target.beats
    run = run_stream(MaxPool(config), beats, outputs, stall=stall, budget=60 + 4 * len(beats))
    assert run.beats == [beat for frame in frames for beat in config.target.encode(_pooled(config, frame))]
    if stall in ("none", "source"):
        assert run.keeps_to(config.timing(run.accepted))
    if stall == "none":
        assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))
        assert config.cycles_per_frame * len(frames) == len(beats)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_every_window_gives_its_maximum(name, stall):
    shape, form, lanes, kernel, *columns = TABLE[name]
    source = DenseFormat.natural(shape, form, lanes, *columns)
    _check(MaxPoolConfig(source=source, kernel=kernel), stall)


@pytest.mark.parametrize("stall", STALLS)
def test_a_permuted_order_and_padded_slots_stay_in_place(stall):
    source = DenseFormat((3, 4, 4), S6, 2, (2, -1, 0, 1))
    _check(MaxPoolConfig(source=source, kernel=(2, 2)), stall)


@pytest.mark.parametrize("kernel", [(0, 1), (1, 0), (5, 1), (1, 4)])
def test_a_window_that_does_not_fit_is_rejected(kernel):
    source = DenseFormat.natural((1, 4, 3), S6, 1)
    with pytest.raises(ValueError, match=r"kernel must be from \(1, 1\) to \(4, 3\), not"):
        MaxPoolConfig(source=source, kernel=kernel)


def test_beats_must_hold_whole_windows():
    source = DenseFormat.natural((1, 4, 6), S6, 1, 3)
    with pytest.raises(ValueError, match=r"kernel must divide 3 columns, not be \(2, 2\)"):
        MaxPoolConfig(source=source, kernel=(2, 2))
