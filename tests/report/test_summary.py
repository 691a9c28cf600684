import numpy as np
import pytest

from compiler.ir.float_ops import Conv2d, KWinners, Linear, Relu
from compiler.ir.graph import Graph, Node
from compiler.ir.shapes import output_value
from compiler.ir.values import Value
from compiler.report import summarize_graph


def chain(shape, *ops):
    """Return a graph of named operations, one behind the other."""
    value, nodes = Value("x", shape), []
    for name, op in ops:
        nodes.append(Node(op, (value.name,), output_value(op, value, name)))
        value = nodes[-1].output
    return Graph("net", Value("x", shape), tuple(nodes), value.name, notes=("a remark",))


def weight(shape, nonzero):
    flat = np.zeros(int(np.prod(shape)))
    flat[:nonzero] = 1.0
    return flat.reshape(shape)


def conv(filters, channels, kernel, nonzero):
    return Conv2d(weight((filters, channels, kernel, kernel), nonzero), np.zeros(filters))


def linear(outputs, inputs, nonzero):
    return Linear(weight((outputs, inputs), nonzero), np.zeros(outputs))


def test_a_dense_input_leaves_a_multiplication_for_each_nonzero_weight():
    first = summarize_graph(chain((1, 32, 32), ("conv1", conv(64, 1, 5, 768))))["layers"][0]
    assert (first["macs_dense"], first["macs_sparse"]) == (1_254_400, 602_112)
    assert (first["active_in"], first["elements_in"]) == (1024, 1024)


@pytest.mark.parametrize(
    ("shape", "winners", "layer", "dense", "sparse"),
    [
        ((64, 14, 14), KWinners(6, "local"), conv(64, 64, 5, 12_800), 10_240_000, 120_000),
        ((1500, 1, 1), KWinners(150, "global"), linear(12, 1500, 18_000), 18_000, 1_800),
    ],
)
def test_winners_leave_fewer_multiplications(shape, winners, layer, dense, sparse):
    last = summarize_graph(chain(shape, ("winners", winners), ("layer", layer)))["layers"][-1]
    assert (last["macs_dense"], last["macs_sparse"]) == (dense, sparse)


def test_the_sums_are_those_of_the_layers():
    graph = chain(
        (2, 4, 4), ("conv1", conv(3, 2, 3, 10)), ("relu1", Relu()), ("conv2", conv(1, 3, 2, 5))
    )
    summary = summarize_graph(graph)
    assert summary["model"] == {
        "name": "net", "weights_dense": 54 + 12, "weights_nonzero": 15, "macs_dense": 4 * 54 + 12,
        "macs_sparse": 4 * 10 + 5,
    }  # fmt: skip
    assert [layer["kind"] for layer in summary["layers"]] == ["Conv2d", "Relu", "Conv2d"]
    assert summary["layers"][1]["weights_dense"] == 0
    assert summary["notes"] == ["a remark"]
