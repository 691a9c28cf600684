import numpy as np
import pytest

from compiler.execute import execute, first_difference
from tests.execute.graphs import random_frames, random_graph


def test_equal_executions_have_no_difference():
    graph = random_graph(1)
    frames = random_frames(graph, 3)
    assert first_difference(execute(graph, frames, keep="all"), execute(graph, frames, keep="all")) is None


def test_the_first_layer_and_position_that_differ_are_named():
    expected = {name: np.zeros((2, 3, 4, 5), np.int64) for name in ("conv1", "pool1", "conv2")}
    actual = {name: array.copy() for name, array in expected.items()}
    actual["conv2"][0, 0, 0, 0] = 1
    actual["pool1"][1, 2, 3, 4] = -9
    actual["pool1"][1, 2, 1, 0] = 5
    found = first_difference(expected, actual)
    assert (found.layer, found.frame, found.channel, found.y, found.x) == ("pool1", 1, 2, 1, 0)
    assert (found.expected, found.actual, found.count) == (0, 5, 2)
    assert str(found) == "pool1: frame 1, channel 2, y 1, x 0: expected 0, got 5 (2 differ)"


def test_unlike_shapes_and_unlike_networks_are_refused():
    a = np.zeros((1, 1, 1, 1))
    with pytest.raises(ValueError, match="must have a layer in common"):
        first_difference({"a": a}, {"b": a})
    with pytest.raises(ValueError, match=r"a: shapes must agree, not \(1, 1, 1, 1\) and \(1, 1, 1\)"):
        first_difference({"a": a}, {"a": a[0]})
