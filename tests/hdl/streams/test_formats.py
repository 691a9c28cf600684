"""Encoding a tensor into beats and back changes nothing."""

import numpy as np
import pytest

from hdl.numerics import FixedPoint, local_winners
from hdl.streams.formats import DenseFormat, EntryFormat, WinnersFormat

SHAPE = (5, 2, 3)


def _tensor(form, seed=1):
    return np.random.default_rng(seed).integers(form.minimum, form.maximum + 1, SHAPE)


@pytest.mark.parametrize("form", [FixedPoint(8, 3, True), FixedPoint(5, 0, False)])
@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_dense_round_trip(form, lanes):
    stream = DenseFormat.natural(SHAPE, form, lanes)
    assert len(stream.encode(_tensor(form))) == stream.beats
    assert (stream.decode(stream.encode(_tensor(form))) == _tensor(form)).all()


@pytest.mark.parametrize("lanes", [5, 6])
def test_pixels_that_share_a_beat_lie_side_by_side(lanes):
    form = FixedPoint(8, 3, True)
    single = DenseFormat.natural(SHAPE, form, lanes)
    stream = DenseFormat.natural(SHAPE, form, lanes, 3)
    pixels, bits = single.encode(_tensor(form)), lanes * form.width
    beats = [
        left | middle << bits | right << 2 * bits
        for left, middle, right in zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True)
    ]
    assert stream.encode(_tensor(form)) == beats
    assert (stream.decode(beats) == _tensor(form)).all()
    assert (stream.beats, stream.elements, stream.payload.size) == (2, 3 * lanes, 3 * bits)
    assert stream.single == single


def test_whole_rows_share_a_beat():
    form = FixedPoint(8, 0, True)
    frame = np.arange(48).reshape(2, 6, 4)
    stream, single = (DenseFormat.natural((2, 6, 4), form, 2, columns) for columns in (12, 1))
    pixels = single.encode(frame)
    beats = [sum(pixel << 16 * n for n, pixel in enumerate(pixels[first : first + 12])) for first in (0, 12)]
    assert stream.encode(frame) == beats
    assert (stream.decode(beats) == frame).all()
    for refused in (0, 5, 16):
        with pytest.raises(ValueError, match="columns must be a divisor of 4"):
            DenseFormat.natural((2, 6, 4), form, 2, refused)


@pytest.mark.parametrize(
    ("lanes", "columns", "text"),
    [
        (5, 2, "columns must be a divisor of 3, or rows that divide a frame, not 2"),
        (2, 3, "pixels of 3 beats cannot share them"),
    ],
)
def test_pixels_that_cannot_share_a_beat_are_refused(lanes, columns, text):
    with pytest.raises(ValueError, match=text):
        DenseFormat.natural(SHAPE, FixedPoint(8, 0, True), lanes, columns)


@pytest.mark.parametrize("form", [FixedPoint(8, 3, True), FixedPoint(5, 0, False)])
def test_winners_round_trip(form):
    stream = WinnersFormat(SHAPE, form, 2)
    tensor = local_winners(_tensor(form)[None], 2)[0]
    assert (stream.decode(stream.encode(tensor)) == tensor).all()


def test_entries_round_trip_and_empty_frame():
    stream = EntryFormat(SHAPE, FixedPoint(8, 3, True), 30, tuple(np.random.default_rng(2).permutation(30)))
    for tensor in (_tensor(stream.form), np.zeros(SHAPE, dtype=np.int64)):
        beats = stream.encode(tensor)
        assert [beat & 1 for beat in beats] == [0] * (len(beats) - 1) + [1]
        assert (stream.decode(beats) == tensor).all()


def test_dense_rejects_an_order_that_misses_a_channel():
    with pytest.raises(ValueError, match="each of 5 channels once"):
        DenseFormat(SHAPE, FixedPoint(8, 0, True), 5, (0, 1, 2, 3, 3))
