"""Frames that a build makes up meet what usual ones do not: areas, gaps, ties, every channel strong."""

import numpy as np
import pytest

from compiler.execute import execute
from compiler.frames import extreme_frames
from compiler.ir import integer_ops as it
from compiler.telling_frames import telling_frames
from hdl.numerics import FixedPoint
from tests.execute.graphs import Builder, random_graph


def filters(*weights: list[int]) -> np.ndarray:
    """Return 1×1 kernels."""
    return np.array(weights)[:, :, None, None]


def winners(scope: str):
    """Return a network in which one channel is strong, one weak, and one only where all the input is low."""
    build = Builder((2, 4, 4), FixedPoint(4, 0, signed=True))
    build.add(it.IntegerConv2d(filters([4, 0], [1, 0], [-1, -1]), np.array([0, 3, -13]), 4))
    build.add(it.Requantize(1, 0), FixedPoint(6, 0, signed=False))
    build.add(it.IntegerKWinners(1 if scope == "local" else 2, scope))
    return build.graph()


@pytest.mark.parametrize("seed", range(4))
def test_extreme_frames_stay_in_their_format_and_repeat(seed):
    graph = random_graph(seed)
    frames = extreme_frames(graph, 24, seed)
    form = graph.input.form
    assert frames.shape == (24, *graph.input.shape) and frames.dtype == np.int64
    assert form.minimum <= frames.min() and frames.max() <= form.maximum
    assert np.array_equal(frames, extreme_frames(graph, 24, seed))
    assert not np.array_equal(frames, extreme_frames(graph, 24, seed + 1))


def test_some_extreme_frames_are_even_but_for_a_block():
    frames = extreme_frames(winners("local"), 60)
    levels = [len(np.unique(frame)) for frame in frames]
    assert 2 in levels[2::6] and max(levels[2::6]) <= 4


@pytest.mark.parametrize("scope", ["local", "global"])
def test_telling_frames_tie_more_often_and_make_every_channel_strong(scope):
    graph = winners(scope)
    usual, telling = extreme_frames(graph, 32), telling_frames(graph, 32)
    assert telling.shape == usual.shape and len(np.unique(telling, axis=0)) == 32
    assert ties(graph, telling).sum() > ties(graph, usual).sum()
    strongest = execute(graph, extreme_frames(graph, 1024), keep="all")["requantize1"].max(axis=(0, 2, 3))
    reached = execute(graph, telling, keep="all")["requantize1"].max(axis=(0, 2, 3))
    assert np.array_equal(reached, strongest) and reached[2] > 0


def ties(graph, frames) -> np.ndarray:
    """Return for each frame whether one more winner would be as large as the last."""
    given, op = execute(graph, frames, keep="all")["requantize1"], graph.node(graph.output).op
    ranked = -np.sort(-given.reshape(len(given), 3 if op.scope == "local" else given[0].size, -1), axis=1)
    return ((ranked[:, op.k - 1] == ranked[:, op.k]) & (ranked[:, op.k] > 0)).any(axis=1)


def test_networks_without_winners_have_telling_frames_too():
    build = Builder((3, 1, 1), FixedPoint(4, 0, signed=True))
    build.add(it.IntegerLinear(np.array([[1, 2, 3], [4, 0, -1]]), np.array([0, 5]), 4))
    assert telling_frames(build.graph(), 5).shape == (5, 3, 1, 1)


def test_where_there_are_few_frames_they_repeat():
    build = Builder((1, 1, 1), FixedPoint(2, 0, signed=False))
    build.add(it.IntegerLinear(np.array([[1]]), np.array([0]), 2))
    frames = telling_frames(build.graph(), 9)
    assert frames.shape == (9, 1, 1, 1) and set(frames.ravel()) == {0, 1, 2, 3}


@pytest.mark.parametrize("seed", range(6))
def test_any_graph_has_telling_frames(seed):
    graph = random_graph(seed)
    assert telling_frames(graph, 3).shape == (3, *graph.input.shape)
