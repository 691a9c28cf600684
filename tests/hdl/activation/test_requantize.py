"""The requantizer computes `hdl.numerics.requantize`, at the latency it states."""

import numpy as np
import pytest

from hdl.activation.requantize import Requantize, RequantizeConfig
from hdl.numerics import FixedPoint, requantize
from hdl.streams.formats import DenseFormat
from tests.hdl.bench import STALLS, run_stream

S8, S16 = FixedPoint(8, 4, True), FixedPoint(16, 4, True)
U8, U4 = FixedPoint(8, 4, False), FixedPoint(4, 0, False)
ACC = FixedPoint(12, 9, True)
TABLE = {
    "signed, by a power of two": ((5, 2, 2), ACC, 2, S8, 1, 3),
    "unsigned, by a power of two": ((5, 2, 2), ACC, 5, U8, 4, 6),
    "signed, by a multiplier": ((4, 1, 3), ACC, 2, S8, 11, 9),
    "unsigned, by a multiplier": ((3, 1, 1), ACC, 1, U4, 3, 7),
    "no shift": ((2, 2, 1), ACC, 3, S8, 1, 0),
    "wider than its source": ((1, 1, 1), S8, 1, S16, 5, 1),
    "an unsigned source": ((3, 1, 2), U8, 2, S8, 1, 1),
    "an unsigned source, unsigned": ((3, 1, 2), U8, 2, U4, 7, 5),
    "one bit": ((2, 1, 1), ACC, 1, FixedPoint(1, 0, True), 1, 8),
}


def _config(name):
    shape, acc, lanes, form, multiplier, shift = TABLE[name]
    source = DenseFormat.natural(shape, acc, lanes)
    return RequantizeConfig(source=source, form=form, multiplier=multiplier, shift=shift)


def _frames(config, count=4):
    """Return random frames, then one of the values around which rounding and saturation turn."""
    form, shape, bounds = config.source.form, config.source.shape, (config.form.minimum, config.form.maximum)
    rng = np.random.default_rng(5)
    frames = [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(count)]
    half = config.half
    awkward = [form.minimum, form.maximum, half, -half, 3 * half, -3 * half, 0, -1, 1]
    awkward += [(bound << config.shift) // config.multiplier for bound in bounds]
    awkward = np.clip(awkward, form.minimum, form.maximum)
    return [*frames, *(np.resize(np.roll(awkward, n), shape) for n in range(3))]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_every_element_is_requantized(name, stall):
    config = _config(name)
    frames = _frames(config)
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    run = run_stream(Requantize(config), beats, len(beats), stall=stall, budget=60 + 6 * len(beats))
    scale = {"multiplier": config.multiplier, "shift": config.shift, "form": config.form}
    scaled = [requantize(frame, **scale) for frame in frames]
    assert run.beats == [beat for frame in scaled for beat in config.target.encode(frame)]
    if stall in ("none", "source"):
        assert run.keeps_to(config.timing(run.accepted))
    if stall == "none":
        assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))


def test_every_value_is_requantized():
    source = DenseFormat.natural((256, 4, 4), ACC, 64)
    config = RequantizeConfig(source=source, form=S8, multiplier=5, shift=6)
    frame = np.arange(-2048, 2048).reshape(source.shape)
    run = run_stream(Requantize(config), source.encode(frame), source.beats, budget=100)
    assert (config.target.decode(run.beats) == requantize(frame, multiplier=5, shift=6, form=S8)).all()


def test_a_permuted_order_and_padded_slots_stay_in_place():
    source = DenseFormat((3, 1, 2), ACC, 2, (2, -1, 0, 1))
    config = RequantizeConfig(source=source, form=U8, multiplier=3, shift=4)
    frame = np.array([[[100, -5]], [[7, 2000]], [[8, -2048]]])
    run = run_stream(Requantize(config), source.encode(frame), source.beats, budget=100)
    assert run.beats == config.target.encode(requantize(frame, multiplier=3, shift=4, form=U8))
    assert config.cycles_per_frame == 4


@pytest.mark.parametrize(
    ("multiplier", "shift", "text"),
    [
        (0, 1, "multiplier must be a positive integer, not 0"),
        (1, -1, "shift must be 0 or more, not -1"),
        (2**53, 1, r"acc × multiplier \+ half must fit in 64 bits, not 65"),
    ],
)
def test_wrong_scales_are_rejected(multiplier, shift, text):
    source = DenseFormat.natural((2, 1, 1), ACC, 1)
    with pytest.raises(ValueError, match=text):
        RequantizeConfig(source=source, form=S8, multiplier=multiplier, shift=shift)
