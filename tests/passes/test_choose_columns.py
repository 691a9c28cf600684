"""As few adjacent pixels and positions as keep within an interval, and windows take as long as predicted."""

from dataclasses import replace

import pytest

from compiler.passes.choose_columns import Columns, choose_columns, frame_cycles, selects_pixels
from tests.compiled import integer_graph

# Images of 12×12 and windows of 3×3 give 10×10 positions: a pixel a cycle takes 144 cycles, a position a
# cycle 100, and two pixels a beat are enough for that.
SPEECH_LIKE = [
    (None, Columns(2, 1)),
    (1000, Columns(2, 1)),
    (100, Columns(2, 1)),
    (99, Columns(2, 2)),
    (72, Columns(2, 2)),
    (71, Columns(4, 2)),
    (50, Columns(4, 2)),
    (49, Columns(4, 2)),
]


def _reader(graph):
    return next(node for node in graph if selects_pixels(graph, node))


@pytest.mark.parametrize(("interval", "columns"), SPEECH_LIKE)
def test_columns_are_the_fewest_that_keep_within_an_interval(interval, columns):
    assert choose_columns(integer_graph("speech_like"), interval) == columns


@pytest.mark.parametrize("name", ["linear_only", "many_input_channels"])
def test_a_network_that_selects_no_pixels_reads_them_one_by_one(name):
    assert choose_columns(integer_graph(name), 10) == Columns()


def test_a_beat_carries_no_more_than_sixteen_elements():
    graph = integer_graph("dense_activations")
    assert choose_columns(graph, 1) == Columns(8, 8)
    assert choose_columns(replace(graph, input=replace(graph.input, shape=(4, 8, 8))), 1) == Columns(4, 4)


def test_several_arrays_keep_as_many_windows():
    node = _reader(integer_graph("speech_like"))
    columns = Columns(2)
    assert frame_cycles(node, 12, columns) == 100 * 12
    assert [frame_cycles(node, 12, columns, arrays) for arrays in (2, 4, 5, 100)] == [600, 300, 240, 100]


def test_arrays_that_do_not_divide_the_windows_take_the_longest_frame():
    node = _reader(integer_graph("speech_like"))
    # 34 rounds instead of 33 every third frame, less the two cycles by which windows and arrays follow each
    # other at least; the three together take 100 rounds.
    assert frame_cycles(node, 12, Columns(2), 3) == 34 * 12 - 2 * 2
