"""Regrouping changes the beats, not the tensor, and leaves no gap."""

import numpy as np
import pytest

from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from hdl.streams.regroup import Regroup, RegroupConfig
from tests.hdl.bench import STALLS, run_stream

S5 = FixedPoint(5, 0, True)
TABLE = {
    "four to one": (DenseFormat.natural((8, 2, 2), S5, 4), 1),
    "six to two, padded": (DenseFormat.natural((5, 2, 1), S5, 6), 2),
    "six to three, two groups": (DenseFormat.natural((8, 1, 3), S5, 6), 3),
    "a permuted order": (DenseFormat((3, 2, 2), S5, 4, (2, -1, 0, 1)), 2),
    "as many lanes as before": (DenseFormat.natural((4, 2, 2), S5, 2), 2),
    "two pixels to one": (DenseFormat.natural((3, 2, 4), S5, 3, 2), 3),
    "two pixels to lanes": (DenseFormat.natural((3, 2, 4), S5, 4, 2), 2),
    "one element": (DenseFormat.natural((1, 1, 1), S5, 1), 1),
}


def _frames(source):
    rng = np.random.default_rng(7)
    return [rng.integers(source.form.minimum, source.form.maximum + 1, source.shape) for _ in range(4)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_the_tensor_stays_the_same(name, stall):
    source, lanes = TABLE[name]
    config = RegroupConfig(source=source, lanes=lanes)
    frames = _frames(source)
    beats = [beat for frame in frames for beat in source.encode(frame)]
    outputs = len(frames) * config.target.beats
    run = run_stream(Regroup(config), beats, outputs, stall=stall, budget=60 + 6 * outputs)
    assert run.beats == [beat for frame in frames for beat in config.target.encode(frame)]
    if stall in ("none", "source"):
        assert run.keeps_to(config.timing(run.accepted))
    if stall == "none":
        assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))
        assert run.offered[-1] == config.latency + len(frames) * config.cycles_per_frame - 1


@pytest.mark.parametrize("lanes", [0, 3, 8])
def test_lanes_that_do_not_divide_are_rejected(lanes):
    with pytest.raises(ValueError, match=f"lanes must be a divisor of 4, not {lanes}"):
        RegroupConfig(source=DenseFormat.natural((4, 1, 1), S5, 4), lanes=lanes)
