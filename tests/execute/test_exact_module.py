from dataclasses import replace

import numpy as np
import pytest
import torch

from compiler.errors import UnsupportedModel
from compiler.execute import execute
from compiler.frontend.exact_module import exact_module
from compiler.ir import integer_ops as it
from compiler.ir.graph import Graph, Node
from compiler.ir.rewrite import read_only
from compiler.ir.values import Value
from hdl.numerics import FixedPoint
from tests.execute.graphs import Builder, payload, random_frames, random_graph


def assert_equal_logits(graph: Graph, frames: np.ndarray) -> None:
    logits = exact_module(graph)(torch.tensor(frames))
    assert logits.dtype == torch.int64
    assert np.array_equal(logits.numpy(), execute(graph, frames))


@pytest.mark.parametrize("seed", range(24))
def test_random_networks_agree_bit_for_bit(seed):
    graph = random_graph(seed)
    assert_equal_logits(graph, random_frames(graph, 25, seed))


@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_every_k_agrees_where_most_numbers_tie(scope, signed):
    shape = (5, 2, 3)
    for k in range(1, 6 if scope == "local" else 31):
        build = Builder(shape, FixedPoint(2, 0, signed))
        build.add(it.IntegerKWinners(k, scope))
        assert_equal_logits(build.graph(), random_frames(build.graph(), 40, k))


@pytest.mark.parametrize("shift", [0, 1, 7])
@pytest.mark.parametrize("multiplier", [1, 3, 8])
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_every_number_is_rounded_and_saturated_alike(shift, multiplier, signed):
    source = FixedPoint(12, 0, signed=True)
    output = Value("y", (1, 1, 1), FixedPoint(6, -shift, signed))
    node = Node(it.Requantize(multiplier, shift), ("x",), output)
    graph = Graph("scale", Value("x", (1, 1, 1), source), (node,), "y")
    assert_equal_logits(graph, np.arange(source.minimum, source.maximum + 1).reshape(-1, 1, 1, 1))


@pytest.mark.parametrize("bits", [54, 55])
def test_sums_are_exact_up_to_the_limit_of_float64_and_refused_beyond(bits):
    bias = (1 << (bits - 1)) - 1 - 14 * 7
    op = it.IntegerLinear(read_only(np.array([[7, -7], [7, 7]])), read_only(np.array([-bias, bias])), 4)
    node = Node(op, ("x",), Value("big", (2, 1, 1), FixedPoint(bits, 0, signed=True)))
    graph = Graph("wide", Value("x", (2, 1, 1), FixedPoint(4, 0, signed=True)), (node,), "big")
    if bits == 54:
        assert_equal_logits(graph, random_frames(graph, 10))
        return
    with pytest.raises(UnsupportedModel, match=r"^big \(IntegerLinear\): its numbers reach 2\*\*54, but"):
        exact_module(graph)


def test_a_fork_and_an_inner_output_agree():
    build = Builder((2, 6, 6), FixedPoint(4, 0, signed=True))
    rng = np.random.default_rng(0)
    first = build.add(it.IntegerConv2d(payload(rng, (3, 2, 2, 2), 7), payload(rng, (3,), 7), 4, (0, 1, 2, 0)))
    pooled = build.add(it.IntegerMaxPool((2, 3)))
    build.last = first
    build.add(it.IntegerKWinners(4, "global"))
    graph = build.graph()
    frames = random_frames(graph, 10)
    assert_equal_logits(graph, frames)
    assert_equal_logits(replace(graph, output=pooled.name), frames)


def test_the_module_survives_a_state_dict():
    graph = random_graph(2)
    module, other = exact_module(graph), exact_module(graph)
    for buffer in other.buffers():
        buffer.zero_()
    other.load_state_dict(module.state_dict())
    frames = torch.tensor(random_frames(graph, 5))
    assert torch.equal(module(frames), other(frames)) and not module.training
