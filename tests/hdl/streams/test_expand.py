"""Expanding winners gives the dense tensor back."""

import numpy as np
import pytest

from hdl.numerics import FixedPoint, local_winners
from hdl.streams.expand import Expand, ExpandConfig
from hdl.streams.formats import WinnersFormat
from tests.hdl.bench import STALLS, run_stream

S5, U4 = FixedPoint(5, 0, True), FixedPoint(4, 0, False)
TABLE = {
    "groups, the last one padded": ((7, 2, 2), S5, 3, 2),
    "one group": ((6, 1, 3), U4, 2, 6),
    "more lanes than channels": ((3, 2, 1), S5, 2, 4),
    "one lane": ((5, 2, 1), S5, 5, 1),
    "lanes that are no power of two": ((10, 1, 2), U4, 4, 3),
    "one element": ((1, 1, 1), S5, 1, 1),
}


def _frames(shape, form, at_most):
    """Return random winners, then frames without any, and with the same value everywhere."""
    rng = np.random.default_rng(11)
    frames = [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(4)]
    frames[1][rng.random(shape) < 0.7] = 0
    frames += [np.zeros(shape, dtype=np.int64), np.full(shape, form.minimum), np.full(shape, form.maximum)]
    return [local_winners(frame[None], at_most)[0] for frame in frames]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_the_tensor_stays_the_same(name, stall):
    shape, form, at_most, lanes = TABLE[name]
    config = ExpandConfig(source=WinnersFormat(shape, form, at_most), lanes=lanes)
    frames = _frames(shape, form, at_most)
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    outputs = len(frames) * config.target.beats
    run = run_stream(Expand(config), beats, outputs, stall=stall, budget=60 + 6 * outputs)
    assert run.beats == [beat for frame in frames for beat in config.target.encode(frame)]
    if stall in ("none", "source"):
        assert run.keeps_to(config.timing(run.accepted))
    if stall == "none":
        assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))
        assert run.offered[-1] == config.latency + len(frames) * config.cycles_per_frame - 1


def test_pairs_beyond_the_count_are_ignored():
    config = ExpandConfig(source=WinnersFormat((4, 1, 1), S5, 2), lanes=4)
    stale = config.source.payload.const(
        {"count": 1, "pairs": [{"value": -3, "index": 2}, {"value": 9, "index": 0}]}
    )
    run = run_stream(Expand(config), [stale.as_bits()], 1, budget=20)
    assert config.target.decode(run.beats).ravel().tolist() == [0, 0, -3, 0]


def test_no_lanes_are_rejected():
    with pytest.raises(ValueError, match="lanes must be a positive integer, not 0"):
        ExpandConfig(source=WinnersFormat((4, 1, 1), S5, 2), lanes=0)
