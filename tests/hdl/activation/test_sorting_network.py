"""Every pruned network gives what `sorted` gives: the 0-1 principle makes the small ones a proof."""

import itertools

import numpy as np
import pytest

from hdl.activation.sorting_network import merging_network, sorting_network


def _falling(keys):
    return -np.sort(-keys, axis=0)


@pytest.mark.parametrize("size", range(1, 11))
def test_all_zeros_and_ones_are_sorted(size):
    keys = np.array(list(itertools.product((0, 1), repeat=size))).T
    for best in range(1, size + 1):
        assert (sorting_network(size, best).apply(keys) == _falling(keys)[:best]).all()


@pytest.mark.parametrize(("first", "second"), list(itertools.product(range(1, 10), repeat=2)))
def test_all_sorted_zeros_and_ones_are_merged(first, second):
    thresholds = itertools.product(range(first + 1), range(second + 1))
    keys = np.array([np.r_[np.arange(first) < ones, np.arange(second) < more] for ones, more in thresholds])
    keys = keys.T.astype(np.int64)
    for best in range(1, first + second + 1):
        assert (merging_network(first, second, best).apply(keys) == _falling(keys)[:best]).all()


@pytest.mark.parametrize(("size", "best"), [(16, 6), (33, 5), (64, 64), (100, 17)])
def test_wide_networks_agree_with_sorted(size, best):
    keys = np.random.default_rng(size).integers(0, 40, (size, 200))
    assert (sorting_network(size, best).apply(keys) == _falling(keys)[:best]).all()


@pytest.mark.parametrize(("first", "second", "best"), [(16, 16, 6), (33, 7, 40), (64, 64, 64)])
def test_wide_mergers_agree_with_sorted(first, second, best):
    rng = np.random.default_rng(first)
    keys = np.r_[_falling(rng.integers(0, 40, (first, 200))), _falling(rng.integers(0, 40, (second, 200)))]
    assert (merging_network(first, second, best).apply(keys) == _falling(keys)[:best]).all()


def test_no_level_uses_a_wire_twice_and_live_wires_cover_what_follows():
    network = sorting_network(24, 6)
    for level, wires in zip(network.levels, network.live, strict=True):
        used = [wire for comparator in level for wire in comparator]
        assert len(used) == len(set(used))
        assert set(network.outputs) - set(used) <= set(wires)
    for following, wires in zip(network.levels[1:], network.live, strict=False):
        assert {wire for comparator in following for wire in comparator} <= set(wires)


@pytest.mark.parametrize(("size", "depth", "count"), [(4, 3, 5), (8, 6, 19), (16, 10, 63), (32, 15, 191)])
def test_full_networks_have_the_size_that_batcher_states(size, depth, count):
    network = sorting_network(size, size)
    assert (network.depth, sum(map(len, network.levels))) == (depth, count)


def test_pruning_drops_what_the_best_do_not_need():
    counts = [sum(map(len, sorting_network(16, best).levels)) for best in (1, 6, 16)]
    assert counts[0] == 15
    assert counts == sorted(set(counts))
