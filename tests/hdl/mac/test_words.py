"""Packed words hold every nonzero weight exactly once, in the lane and slot of its output."""

import numpy as np
import pytest

from hdl.mac.words import pack_words


def _unpack(table, order):
    weight = np.zeros((table.inputs, len(order)), dtype=np.int64)
    for i in range(table.inputs):
        for word in range(table.start[i], table.start[i] + table.count[i]):
            for lane in range(table.lanes):
                weight[i, table.slot[word, lane] * table.lanes + lane] += table.weight[word, lane]
    return weight[:, [order.index(unit) for unit in range(max(order) + 1)]]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(("outputs", "lanes"), [(8, 2), (6, 6), (5, 1), (7, 3)])
def test_packing_loses_and_doubles_nothing(density, outputs, lanes):
    rng = np.random.default_rng(7)
    weight = rng.integers(-127, 128, (9, outputs)) * (rng.random((9, outputs)) < density)
    slots = -(-outputs // lanes)
    order = tuple(rng.permutation([*range(outputs), *[-1] * (slots * lanes - outputs)]).tolist())
    table = pack_words(weight, order, lanes, 8)
    assert (_unpack(table, order) == weight).all()


def test_conflict_free_weights_take_one_word_an_input():
    weight = np.zeros((6, 8), dtype=np.int64)
    weight[np.arange(6), np.arange(6) % 4] = 5
    weight[np.arange(6), 4 + np.arange(6) % 4] = -5
    lanes_of_blocks = tuple(np.arange(8).reshape(2, 4).T.ravel().tolist())
    table = pack_words(weight, lanes_of_blocks, 2, 8)
    assert table.words_per_input == 1
    assert table.cycles(6) == 6


def test_cycles_count_the_inputs_with_most_words_and_empty_ones_as_one():
    weight = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0]])
    table = pack_words(weight, (0, 1, 2), 1, 8)
    assert [table.cycles(n) for n in range(4)] == [1, 3, 4, 5]
