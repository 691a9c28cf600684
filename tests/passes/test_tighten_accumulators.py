from itertools import combinations, product

import numpy as np
import pytest

from compiler.execute import execute
from compiler.ir import integer_ops as it
from compiler.ir.intervals import accumulator_range
from compiler.ir.values import Value
from compiler.passes.tighten_accumulators import TightenAccumulators
from hdl.numerics import FixedPoint, signed_bits
from tests.execute.graphs import payload, random_frames, random_graph


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("k", [None, 1, 2, 3])
def test_the_range_is_that_of_all_partial_sums(signed, k):
    weight, bias = payload(np.random.default_rng(2), (3, 4), 7), np.array([5, -6, 0])
    form = FixedPoint(2, 0, signed)
    sums = set()
    for inputs in product(range(form.minimum, form.maximum + 1), repeat=4):
        if k is not None and np.count_nonzero(inputs) > k:
            continue
        for row, offset in zip(weight * np.array(inputs), bias, strict=True):
            terms = [*row.tolist(), int(offset)]
            sums.update(sum(part) for size in range(6) for part in combinations(terms, size))
    source = Value("x", (4, 1, 1), form, at_most=k, sparse=None if k is None else "global")
    assert accumulator_range(it.IntegerLinear(weight, bias, 4), source) == (min(sums), max(sums))


def test_a_local_bound_counts_winners_of_each_kernel_position():
    weight = np.array([[[[1, 2]], [[3, 4]], [[-5, 6]]]])
    source = Value("x", (3, 4, 4), FixedPoint(1, 0, False), at_most=1, sparse="local")
    op = it.IntegerConv2d(weight, np.array([0]), 4)
    assert accumulator_range(op, source) == (-5, 3 + 6)
    assert accumulator_range(op, Value("x", (3, 4, 4), source.form, 2, "global")) == (-5, 6 + 4)
    assert accumulator_range(op, Value("x", (3, 4, 4), source.form)) == (-5, 1 + 2 + 3 + 4 + 6)


@pytest.mark.parametrize("seed", range(8))
def test_accumulators_are_tight_and_results_unchanged(seed):
    graph = random_graph(seed)
    tight = TightenAccumulators()(graph)
    frames = random_frames(graph, 20)
    values = execute(tight, frames, keep="all")
    assert np.array_equal(values[tight.output], execute(graph, frames))
    for node in tight:
        form, array = node.output.form, values[node.name]
        assert form.minimum <= array.min() and array.max() <= form.maximum
        if isinstance(node.op, it.IntegerConv2d | it.IntegerLinear):
            assert form.width == signed_bits(*accumulator_range(node.op, tight.source(node)))
            assert form.fraction_bits == graph.value(node.name).form.fraction_bits
