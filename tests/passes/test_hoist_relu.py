from dataclasses import replace

import numpy as np
import pytest

from compiler.execute import execute
from compiler.ir import float_ops as fl
from compiler.passes.hoist_relu import HoistRelu
from tests.passes.floats import chain, conv, frames

RNG = np.random.default_rng(1)
CONV, POOL, RELU = conv(RNG, 4, 2), fl.MaxPool((2, 2)), fl.Relu()


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("ops", "kinds"),
    [
        ([CONV, POOL, RELU], "Conv2d Relu MaxPool"),
        ([CONV, RELU, POOL, RELU, RELU], "Conv2d Relu MaxPool"),
        ([CONV, POOL, "local", RELU], "Conv2d Relu MaxPool KWinners"),
        ([CONV, "local", POOL, fl.Flatten(), RELU], "Conv2d Relu KWinners MaxPool Flatten"),
        ([CONV, fl.Flatten(), "global", RELU], "Conv2d Relu Flatten KWinners"),
        ([CONV, fl.FakeQuantize(4, 0, True), RELU], "Conv2d Relu FakeQuantize"),
        ([CONV, fl.FakeQuantize(4, 0, False), RELU], "Conv2d FakeQuantize"),
        ([POOL, RELU], "Relu MaxPool"),
    ],
)
def test_relu_moves_up_and_no_number_changes(ops, kinds, k):
    graph = chain((2, 8, 8), *(fl.KWinners(k, op) if isinstance(op, str) else op for op in ops))
    hoisted = HoistRelu()(graph)
    assert " ".join(node.kind for node in hoisted) == kinds
    x = frames(np.random.default_rng(k), graph)
    assert np.array_equal(execute(graph, x), execute(hoisted, x))


def test_relu_stays_behind_a_pool_that_something_else_reads():
    graph = replace(chain((2, 8, 8), CONV, POOL, RELU), output="maxpool2")
    assert HoistRelu()(graph) is graph
