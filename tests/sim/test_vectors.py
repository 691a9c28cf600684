"""Vectors survive the file byte for byte, words follow the port's layout, and damage is refused."""

import dataclasses

import numpy as np
import pytest

from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from sim.contract import AxisPort
from sim.errors import SimulationError
from sim.vectors import Vectors, load_vectors, pack_frames, save_vectors, unpack_frames
from tests.sim.design import CONTRACT, make_vectors

PORTS = [
    AxisPort((1, 3, 4), FixedPoint(8, 0, True), 1, 8, 8),
    AxisPort((3, 2, 2), FixedPoint(5, 0, False), 2, 8, 16),
    AxisPort((1, 2, 8), FixedPoint(8, 0, True), 1, 8, 32, 4),
    AxisPort((2, 1, 4), FixedPoint(7, 0, False), 3, 8, 48, 2),
    AxisPort((3, 1, 2), FixedPoint(7, 2, True), 2, 9, 32),
    AxisPort((12, 1, 1), FixedPoint(23, 0, True), 1, 32, 32),
    AxisPort((2, 1, 1), FixedPoint(40, 0, True), 1, 64, 64),
]


def frames_of(port, count=3):
    rng = np.random.default_rng(port.shape[0])
    frames = rng.integers(port.form.minimum, port.form.maximum + 1, (count, *port.shape))
    frames[0].flat[0], frames[-1].flat[-1] = port.form.minimum, port.form.maximum
    return frames


@pytest.mark.parametrize("port", PORTS, ids=str)
def test_words_hold_each_lane_in_its_container(port):
    frames = frames_of(port)
    wide = dataclasses.replace(port.form, width=min(port.container_bits, 62))
    form = DenseFormat.natural(port.shape, wide, port.lanes, port.columns)
    words = [int.from_bytes(word.tobytes(), "big") for word in pack_frames(frames, port)]
    if port.container_bits <= 62:
        assert words == [beat for frame in frames for beat in form.encode(frame)]
    assert np.array_equal(unpack_frames(words, port), frames)


@pytest.mark.parametrize("labelled", [False, True])
def test_vectors_survive_the_file_and_give_the_same_bytes(tmp_path, labelled):
    vectors = make_vectors(5)
    if labelled:
        vectors = dataclasses.replace(vectors, labels=np.arange(5))
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        save_vectors(path, vectors)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    loaded = load_vectors(paths[0], CONTRACT)
    assert np.array_equal(loaded.x, vectors.x) and loaded.x.dtype == np.int64
    assert np.array_equal(loaded.logits, vectors.logits)
    assert np.array_equal(loaded.labels, vectors.labels) if labelled else loaded.labels is None
    assert len(loaded.first(2)) == 2 and len(list(tmp_path.iterdir())) == 2


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "vectors.npz"
    path.write_bytes(b"PK\x03\x04 but not really")
    with pytest.raises(SimulationError, match="vectors.npz: cannot be read"):
        load_vectors(path, CONTRACT)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x": np.zeros((2, 1, 3, 3), int)}, r"x must have the shape \(n, 2, 3, 3\), not \(2, 1, 3, 3\)"),
        ({"x": np.full((2, 2, 3, 3), 200)}, "x must be from -128 to 127"),
        ({"logits": np.zeros((2, 3))}, "logits must hold integers, not float64"),
        ({"logits": np.zeros((1, 3), int)}, "x and logits must be as many, not 2 and 1"),
        ({"logits": None}, "logits is missing"),
    ],
)
def test_vectors_that_do_not_fit_the_ports_are_refused(tmp_path, change, text):
    good = make_vectors(2)
    arrays = {"x": good.x, "logits": good.logits} | change
    path = tmp_path / "vectors.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(SimulationError, match=text):
        load_vectors(path, CONTRACT)


def test_vectors_know_their_number():
    assert len(Vectors(np.zeros((4, 1, 1, 1), int), np.zeros((4, 2), int))) == 4
