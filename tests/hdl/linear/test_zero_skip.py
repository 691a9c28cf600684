"""The zero-skipping matrix product equals a plain one, at the predicted cycle, under every stall."""

import numpy as np
import pytest

from hdl.linear.zero_skip import ZeroSkipLinear, ZeroSkipLinearConfig
from hdl.mac import lanes_config
from hdl.mac.words import pack_words
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat, EntryFormat
from tests.hdl.bench import STALLS, run_stream

# inputs, outputs, lanes, weight density, activity, signed
CASES = [
    (20, 12, 3, 0.2, 0.3, False),
    (7, 5, 2, 1.0, 0.8, True),
    (16, 1, 1, 0.5, 0.2, False),
    (9, 30, 4, 0.0, 0.5, True),
    (12, 9, 9, 0.3, 0.0, True),
]


@pytest.fixture(params=[False, True], ids=["near", "far"])
def far(request, monkeypatch):
    """Let words, and with them biases, come from afar, as those of many block RAMs do."""
    if request.param:
        monkeypatch.setattr(lanes_config, "FAR", 0)
    return request.param


def _case(inputs, outputs, lanes, density, activity, signed, frames=4, paired=False):
    rng = np.random.default_rng(inputs)
    form = FixedPoint(8, 0, signed)
    weight = rng.integers(-127, 128, (inputs, outputs)) * (rng.random((inputs, outputs)) < density)
    slots = -(-outputs // lanes)
    order = tuple(rng.permutation([*range(outputs), *[-1] * (slots * lanes - outputs)]).tolist())
    places = tuple(rng.permutation(inputs).tolist())
    source = EntryFormat((inputs, 1, 1), form, inputs, places)
    config = ZeroSkipLinearConfig(
        source=source,
        target=DenseFormat((outputs, 1, 1), FixedPoint(22, 0, True), lanes, order),
        table=pack_words(weight[list(places)], order, lanes, 8, paired),
        bias=rng.integers(-500, 500, outputs),
    )
    x = rng.integers(form.minimum, form.maximum + 1, (frames, inputs))
    x *= rng.random(x.shape) < activity
    beats = [source.encode(frame.reshape(-1, 1, 1)) for frame in x]
    return config, beats, x @ weight + config.bias


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_equal_the_plain_product(case, stall, far):
    # Every other set of stalls meets lanes that share multipliers.
    config, beats, expected = _case(*case, paired=stall in ("none", "both"))
    assert config.readout.rests == (config.lanes.legs > 0) == (far and config.lanes.words > 0)
    run = run_stream(ZeroSkipLinear(config), sum(beats, []), len(beats) * config.target.beats, stall=stall)
    step = config.target.beats
    got = [config.target.decode(run.beats[n : n + step]).ravel() for n in range(0, len(run.beats), step)]
    assert (np.array(got) == expected).all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_beats_are_offered_when_predicted(case, far):
    config, frames, _ = _case(*case)
    beats = sum(frames, [])
    entries = [config.source.payload.from_bits(beat) for beat in beats]
    words = np.array([max(1, config.table.count[e.index]) if e.active else 1 for e in entries])
    last = np.array([e.last for e in entries])
    count = len(frames) * config.target.beats
    run = run_stream(ZeroSkipLinear(config), beats, count, settle=config.readout.priming_cycles)
    arrivals = np.zeros(len(beats), dtype=int)
    assert run.keeps_to(config.timing(arrivals, words, last))
    gaps = np.diff(run.offered.reshape(len(frames), -1)[:, -1])
    assert (gaps <= config.cycles_per_frame).all()


def test_a_table_of_another_shape_is_refused():
    config, *_ = _case(*CASES[0])
    with pytest.raises(ValueError, match="table must have 2 lanes × 6 slots"):
        ZeroSkipLinearConfig(
            source=config.source,
            target=DenseFormat.natural((12, 1, 1), config.target.form, 2),
            table=config.table,
            bias=config.bias,
        )
