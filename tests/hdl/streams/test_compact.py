"""Compaction lists every nonzero once, lowest lane first, and as fast as it states."""

import numpy as np
import pytest
from amaranth.back import rtlil

from hdl.numerics import FixedPoint
from hdl.streams.compact import Compact, CompactConfig
from hdl.streams.formats import DenseFormat, bits_of
from tests.hdl.bench import STALLS, run_stream

S5, U4 = FixedPoint(5, 0, True), FixedPoint(4, 0, False)
TABLE = {
    "several groups": (DenseFormat.natural((8, 2, 2), S5, 4), 32),
    "padded": (DenseFormat.natural((7, 2, 2), S5, 3), 28),
    "a permuted order": (DenseFormat((3, 2, 3), S5, 2, (2, -1, 0, 1)), 18),
    "a flat vector": (DenseFormat.natural((20, 1, 1), U4, 5), 20),
    "one lane": (DenseFormat.natural((4, 2, 1), S5, 1), 8),
    "one wide beat": (DenseFormat.natural((64, 1, 1), U4, 64), 64),
    "eleven lanes": (DenseFormat.natural((22, 2, 1), S5, 11), 44),
    "one element": (DenseFormat.natural((1, 1, 1), S5, 1), 1),
}


def _frames(source):
    """Return frames from full to empty: dense, sparse, zeros, only the first, only the last, sparse."""
    rng = np.random.default_rng(19)
    shape, form = source.shape, source.form
    frames = [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(6)]
    frames[0][frames[0] == 0] = form.maximum
    frames[2][:] = 0
    frames[3].ravel()[1:] = 0
    frames[4].ravel()[:-1] = 0
    for number in (1, 5):
        frames[number][rng.random(shape) < 0.8] = 0
    return frames


def _entries(config, frame):
    """Return the payloads of one frame, as the component orders them."""
    flat = frame.reshape(-1)
    found = [(n, flat[place]) for n, place in enumerate(config.target.order) if place >= 0 and flat[place]]
    fields = [{"last": 0, "active": 1, "index": index, "value": int(value)} for index, value in found]
    if not found or found[-1][0] < (config.source.beats - 1) * config.source.lanes:
        fields.append({"last": 0, "active": 0, "index": 0, "value": 0})
    fields[-1]["last"] = 1
    return [bits_of(config.target.payload, entry) for entry in fields]


def _cleared(config, beat):
    """Return a beat with the fields that an inactive one leaves open set to 0."""
    entry = config.target.payload.from_bits(beat)
    return beat if entry.active else bits_of(config.target.payload, {"last": entry.last})


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_every_nonzero_is_listed(name, stall):
    config = CompactConfig(source=TABLE[name][0], at_most=TABLE[name][1])
    frames = _frames(config.source)
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    expected = [_entries(config, frame) for frame in frames]
    listed = [beat for frame in expected for beat in frame]
    cycles = sum(max(1, np.count_nonzero(list(config.source.payload.from_bits(beat)))) for beat in beats)
    budget = config.latency + cycles if stall == "none" else 60 + 6 * cycles
    run = run_stream(Compact(config), beats, len(listed), stall=stall, budget=budget)
    assert [_cleared(config, beat) for beat in run.beats] == listed
    ends = np.cumsum([len(frame) for frame in expected])
    decoded = [config.target.decode(frame) for frame in np.split(np.array(run.beats), ends[:-1])]
    assert (np.array(decoded) == np.array(frames)).all()
    if stall == "none":
        bound = config.timing(np.zeros(len(beats), dtype=int))
        assert (run.offered[ends - 1] <= bound.offered.reshape(len(frames), -1)[:, -1]).all()
        assert (run.accepted <= bound.accepted).all()


@pytest.mark.parametrize("at_most", [1, 3, 4, 5, 11, 32])
def test_the_slowest_frame_takes_the_time_stated(at_most):
    source = DenseFormat.natural((8, 2, 2), S5, 4)
    config = CompactConfig(source=source, at_most=at_most)
    slots = np.zeros(32, dtype=np.int64)
    slots[len(slots) - at_most :] = -1
    late, early = (5 * source.encode(s.reshape(4, 8).T.reshape(source.shape)) for s in (slots, slots[::-1]))
    budget = 60 + 5 * config.cycles_per_frame
    bound = config.timing(np.zeros(len(late), dtype=int))
    run = run_stream(Compact(config), late, 5 * at_most, budget=budget)
    assert run.offered.tolist() == bound.offered.tolist()
    assert (run.accepted <= bound.accepted).all()
    waiting = run_stream(Compact(config), early, 5 * at_most, budget=budget)
    assert waiting.accepted.tolist() == bound.accepted.tolist()
    assert not config.constant_time
    assert run.offered[-1] - run.offered[at_most - 1] == 4 * config.cycles_per_frame
    assert config.cycles_per_frame == int(config.fullest.clip(1).sum())


def test_zeros_pass_at_a_beat_a_cycle():
    source = DenseFormat.natural((4, 8, 8), S5, 4)
    config = CompactConfig(source=source, at_most=1)
    beats = 3 * source.encode(np.zeros(source.shape, dtype=np.int64))
    run = run_stream(Compact(config), beats, 3, budget=3 * 64 + config.latency + 1)
    assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))
    assert config.cycles_per_frame == 64


@pytest.mark.parametrize("at_most", [0, 9])
def test_an_impossible_bound_is_rejected(at_most):
    with pytest.raises(ValueError, match=f"at_most must be from 1 to 8, not {at_most}"):
        CompactConfig(source=DenseFormat.natural((2, 2, 2), S5, 2), at_most=at_most)


def test_what_is_emitted_grows_as_lanes_do_and_not_as_their_square():
    def length(lanes):
        source = DenseFormat.natural((lanes, 1, 1), U4, lanes)
        return len(rtlil.convert(Compact(CompactConfig(source=source, at_most=lanes)), emit_src=False))

    assert length(256) < 5 * length(64)
