"""A graph of adders computes the matrix product exactly, with parts that several outputs share."""

import numpy as np
import pytest

from hdl.conv.adder_graph import build_adder_graph
from hdl.conv.signed_digits import signed_digits
from hdl.conv.subexpressions import Range

SIGNED, UNSIGNED = Range(-128, 127), Range(0, 255)


def _sparse(seed, outputs, inputs, nonzeros, largest=127):
    """Return a matrix with that many nonzeros a row, and biases."""
    rng = np.random.default_rng(seed)
    weight = np.zeros((outputs, inputs), dtype=np.int64)
    for row in weight:
        places = rng.permutation(inputs)[:nonzeros]
        row[places] = rng.integers(1, largest + 1, nonzeros) * rng.choice((-1, 1), nonzeros)
    return weight, rng.integers(-2000, 2000, outputs)


def _two_digits(outputs=64, inputs=25, nonzeros=12):
    """Return a matrix of weights with at most two signed digits, as training restricts them."""
    rng = np.random.default_rng(0)
    numbers = [n for n in range(-127, 128) if n and len(signed_digits(n)) <= 2]
    weight = np.zeros((outputs, inputs), dtype=np.int64)
    for row in weight:
        row[rng.permutation(inputs)[:nonzeros]] = rng.choice(numbers, nonzeros)
    return weight, rng.integers(-2000, 2000, outputs)


def _corners(graph, weight):
    """Return inputs that drive each output to its least and its greatest value."""
    low, high = np.array(graph.inputs).T[:, None]
    return np.concatenate([np.where(weight > 0, high, low), np.where(weight > 0, low, high)]).T


@pytest.mark.parametrize("shape", [(8, 9, 4), (1, 1, 1), (5, 3, 3), (3, 12, 1), (16, 25, 12)], ids=str)
@pytest.mark.parametrize("one", [SIGNED, UNSIGNED, Range(-2, 1)], ids=str)
@pytest.mark.parametrize("with_bias", [False, True])
def test_a_graph_equals_the_matrix_product(shape, one, with_bias):
    outputs, inputs, nonzeros = shape
    weight, bias = _sparse(1, outputs, inputs, nonzeros)
    bias *= with_bias
    graph = build_adder_graph(weight, bias, [one] * inputs)
    x = np.random.default_rng(2).integers(one.low, one.high + 1, (inputs, 40))
    x = np.concatenate([x, _corners(graph, weight)], axis=1)
    assert (graph.evaluate(x) == weight @ x + bias[:, None]).all()


def test_inputs_may_differ_in_range():
    weight, bias = _sparse(3, 6, 4, 3)
    ranges = [SIGNED, UNSIGNED, Range(5, 5), Range(-1, 0)]
    graph = build_adder_graph(weight, bias, ranges)
    x = _corners(graph, weight)
    assert (graph.evaluate(x) == weight @ x + bias[:, None]).all()


def test_ranges_are_exactly_what_outputs_reach():
    weight, bias = _sparse(4, 12, 9, 5)
    graph = build_adder_graph(weight, bias, [SIGNED] * 9)
    reached = graph.evaluate(_corners(graph, weight))
    for term, values in zip(graph.outputs, reached, strict=True):
        assert graph.ranges[term.signal].scaled(term.shift, term.sign) == (values.min(), values.max())


def test_outputs_without_weights_are_constants():
    graph = build_adder_graph(np.zeros((2, 3), dtype=np.int64), np.array([7, 0]), [SIGNED] * 3)
    assert graph.outputs == (7, 0)
    assert not graph.adders
    assert (graph.evaluate(np.ones((3, 2))) == [[7, 7], [0, 0]]).all()


def test_equal_and_shifted_rows_share_everything_and_a_negated_one_all_but_a_negation():
    row = _sparse(8, 1, 9, 6)[0][0]
    rows = np.array([row, 4 * row, row, -row])
    equal = build_adder_graph(rows[:3], np.zeros(3, dtype=np.int64), [SIGNED] * 9)
    negated = build_adder_graph(rows, np.zeros(4, dtype=np.int64), [SIGNED] * 9)
    first, shifted, same = equal.outputs
    assert (first, shifted) == (same, (first.signal, first.shift + 2, 1))
    assert len(negated.adders) == len(equal.adders) + 1


def test_sums_of_subtracted_terms_alone_come_out_negative():
    weight = np.array([[-1, 0], [-1, -1], [0, -8]])
    graph = build_adder_graph(weight, np.zeros(3, dtype=np.int64), [UNSIGNED] * 2)
    x = np.array([[0, 255, 7], [0, 255, 100]])
    assert (graph.evaluate(x) == weight @ x).all()
    assert all(term.sign == 1 for term in graph.outputs)


@pytest.mark.parametrize("extra", [0, 1])
def test_no_tree_is_deeper_than_its_terms_require_when_depth_is_limited(extra):
    weight, bias = _sparse(6, 32, 16, 9)
    terms = max(1 + sum(len(signed_digits(w)) for w in row) for row in weight.tolist())
    graph = build_adder_graph(weight, bias, [SIGNED] * 16, extra_depth=extra)
    assert graph.depth <= (terms - 1).bit_length() + extra


def test_a_graph_is_the_same_every_time():
    weight, bias = _sparse(7, 16, 9, 5)
    first, second = (build_adder_graph(weight, bias, [SIGNED] * 9) for _ in range(2))
    assert (first.adders, first.outputs) == (second.adders, second.outputs)


def test_sharing_saves_a_quarter_of_the_adders_of_a_first_layer():
    weight, bias = _two_digits()
    graph = build_adder_graph(weight, bias, [SIGNED] * 25)
    alone = sum(len(signed_digits(w)) for w in weight.ravel().tolist())
    assert len(graph.adders) < 3 / 4 * alone
    assert graph.adder_bits < 10_800
