"""Lanes are assigned completely, and so that nonzeros of one input rarely meet."""

import numpy as np
import pytest

from compiler.passes.assign_lanes import assign_lanes, word_counts


def _random(inputs, outputs, density, seed=0):
    return np.random.default_rng(seed).random((inputs, outputs)) < density


@pytest.mark.parametrize("lanes", [1, 3, 5, 12])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_every_output_has_one_place(lanes, density):
    order = assign_lanes(_random(40, 12, density), lanes)
    assert sorted(output for output in order if output >= 0) == list(range(12))
    assert len(order) == -(-12 // lanes) * lanes


def test_complementary_blocks_cost_one_word_an_input():
    rng = np.random.default_rng(1)
    nonzero = np.zeros((200, 32), dtype=bool)
    for block in range(0, 32, 8):
        nonzero[np.arange(200), block + rng.integers(0, 8, 200)] = True
    assert (word_counts(nonzero, assign_lanes(nonzero, 4), 4) == 1).all()


def test_a_hidden_conflict_free_assignment_is_approached():
    rng = np.random.default_rng(2)
    shuffle = rng.permutation(24)
    nonzero = np.zeros((300, 24), dtype=bool)
    for block in range(0, 24, 6):
        nonzero[np.arange(300), shuffle[block + rng.integers(0, 6, 300)]] = True
    found = word_counts(nonzero, assign_lanes(nonzero, 4), 4).sum()
    natural = word_counts(nonzero, tuple(range(24)), 4).sum()
    assert found < 0.8 * natural


def test_words_are_the_nonzeros_of_the_fullest_lane():
    nonzero = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 1]], dtype=bool)
    assert word_counts(nonzero, (0, 1, 2, 3), 2).tolist() == [2, 0, 2]
    assert word_counts(nonzero, (0, 1, 3, 2, -1, -1), 3).tolist() == [1, 0, 1]
