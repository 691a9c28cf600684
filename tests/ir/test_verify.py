from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import InvalidGraph
from compiler.ir import float_ops as fl
from compiler.ir import integer_ops as it
from compiler.ir.graph import Graph, Node
from compiler.ir.rewrite import read_only
from compiler.ir.values import Value
from compiler.ir.verify import verify
from compiler.passes.fold_batchnorm import FoldBatchNorm
from compiler.passes.quantize import Quantize
from compiler.passes.tighten_accumulators import TightenAccumulators
from hdl.numerics import FixedPoint
from tests.execute.graphs import random_graph
from tests.passes.floats import chain, conv, frames, linear, norm

RNG = np.random.default_rng(0)
FLOAT = chain(
    (2, 8, 8),
    *(fl.FakeQuantize(8, 4, True), conv(RNG, 4, 2), norm(RNG, 4), fl.Relu(), fl.MaxPool((2, 2))),
    *(fl.KWinners(2, "local"), fl.Flatten(), linear(RNG, 5, 36), fl.KWinners(2, "global"), linear(RNG, 3, 5)),
)
WHOLE = TightenAccumulators()(Quantize(calibration=frames(RNG, FLOAT))(FoldBatchNorm()(FLOAT)))


def change(graph: Graph, name: str, op: dict | None = None, **output: object) -> Graph:
    """Return the graph with fields of one node's operation or output replaced."""
    node = graph.node(name)
    changed = replace(node, op=replace(node.op, **(op or {})), output=replace(node.output, **output))
    return replace(graph, nodes=tuple(changed if other is node else other for other in graph))


TIMES_7 = change(
    change(WHOLE, "conv2d2", form=replace(WHOLE.value("conv2d2").form, multiplier=7)),
    "conv2d2_requantize",
    {"multiplier": 7},
)
"""A free scale: accumulators of sevenths, which the requantizer takes out."""


@pytest.mark.parametrize(
    "graph", [FLOAT, FoldBatchNorm()(FLOAT), WHOLE, TIMES_7, *map(random_graph, range(6))]
)
def test_what_the_passes_make_is_valid(graph):
    assert verify(graph) is None


FLOAT_BREACHES = [
    (change(FLOAT, "conv2d2", {"weight": read_only(np.ones((4, 3, 2, 3)))}), "weight must have 2 channels"),
    (change(FLOAT, "conv2d2", {"weight": read_only(np.ones((4, 2, 9, 3)))}), "kernel 9×3 must fit"),
    (change(FLOAT, "conv2d2", {"weight": np.ones((4, 2, 2, 3))}), "weight must be read-only"),
    (change(FLOAT, "conv2d2", {"bias": read_only(np.full(4, np.nan))}), "bias must be finite"),
    (change(FLOAT, "conv2d2", {"bias": read_only(np.ones(3))}), r"bias must have shape \(4,\), not \(3,\)"),
    (change(FLOAT, "conv2d2", {"bias": read_only(np.ones(4, np.int64))}), "bias must be float64, not int64"),
    (change(FLOAT, "conv2d2", form=FixedPoint(8, 0, True)), "must not have a number format"),
    (change(FLOAT, "conv2d2", at_most=1, sparse="local"), "at_most must be at least 4, not 1"),
    (change(FLOAT, "batchnorm3", {"scale": read_only(np.ones(3))}), r"offset must have shape \(3,\)"),
    (change(FLOAT, "maxpool5", {"kernel": (9, 1)}), "window 9×1 must fit the input of 7×6"),
    (change(FLOAT, "kwinners6", {"k": 5}), "k must be from 1 to 4, not 5"),
    (change(FLOAT, "kwinners6", {"scope": "all"}), "scope must be 'local' or 'global', not 'all'"),
    (change(FLOAT, "kwinners6", at_most=1), "at_most must be at least 2, not 1"),
    (change(FLOAT, "kwinners6", sparse=None), "at_most and sparse must be given together"),
    (change(FLOAT, "flatten7", at_most=17), "at_most must be at least 18, not 17"),
    (change(FLOAT, "flatten7", shape=(4, 3, 3)), r"shape must be \(36, 1, 1\), not \(4, 3, 3\)"),
    (change(FLOAT, "linear8", {"weight": read_only(np.ones((5, 9)))}), r"input must have shape \(9, 1, 1\)"),
    (replace(FLOAT, output="none"), "^chain: the output none must be defined"),
    (replace(FLOAT, nodes=FLOAT.nodes[::-1]), "reads kwinners9, which no earlier node defines"),
    (replace(FLOAT, nodes=(*FLOAT.nodes, FLOAT.nodes[-1])), "its name must be unique"),
    (replace(FLOAT, nodes=(replace(FLOAT.nodes[0], inputs=()),)), "must have 1 input, not 0"),
    (replace(FLOAT, input=Value("input", (2, 0, 8))), "input: sizes must be at least 1"),
    (replace(FLOAT, nodes=WHOLE.nodes), r"conv2d2 \(IntegerConv2d\): must be an operation of the float"),
]
LAYER, SCALE, LAST = "conv2d2", "conv2d2_requantize", "linear10"
INTEGER_BREACHES = [
    (replace(WHOLE, input=replace(WHOLE.input, form=FixedPoint(17, 4, True))), "width must be from 2 to 16"),
    (replace(WHOLE, input=replace(WHOLE.input, at_most=3)), "input: at_most and sparse must be"),
    (
        replace(WHOLE, input=replace(WHOLE.input, at_most=0, sparse="local")),
        "input: at_most must be at least 1, not 0",
    ),
    (
        replace(WHOLE, input=replace(WHOLE.input, form=FixedPoint(8, 4, True, 3))),
        "input: its scale must be a power of two, not that of s8.4·3",
    ),
    (
        change(WHOLE, SCALE, form=replace(WHOLE.value(SCALE).form, multiplier=5)),
        "activations must have a power of two as scale, not that of u8.*·5",
    ),
    (change(TIMES_7, SCALE, {"shift": 1}), "fraction bits must be"),
    (change(TIMES_7, SCALE, {"multiplier": 14}), "fraction bits must be"),
    (change(WHOLE, LAYER, form=None), "must have a number format"),
    (change(WHOLE, LAYER, {"weight_bits": 3}), "weights must be from -3 to 3"),
    (change(WHOLE, LAYER, {"weight_bits": 17}), "weight_bits must be from 2 to 16, not 17"),
    (change(WHOLE, LAYER, {"bias": read_only(np.full(4, 2**61))}), "bias must have at most 62 bits"),
    (
        change(WHOLE, LAST, form=replace(WHOLE.value(LAST).form, width=WHOLE.value(LAST).form.width - 1)),
        "accumulator must be signed and hold",
    ),
    (change(WHOLE, LAST, form=FixedPoint(40, 0, False)), "accumulator must be signed and hold"),
    (change(WHOLE, SCALE, {"multiplier": 0}), "multiplier must be positive and shift from 0 to 62, not 0"),
    (change(WHOLE, SCALE, {"shift": 63}), "multiplier must be positive and shift from 0 to 62, not 1"),
    (change(WHOLE, SCALE, {"multiplier": 1 << 60}), "must not overflow 64 bits"),
    (change(WHOLE, SCALE, {"shift": 1}), "fraction bits must be"),
    (change(WHOLE, SCALE, form=FixedPoint(17, 4, False)), "activations must have from 2 to 16 bits, not 17"),
    (change(WHOLE, "maxpool5", form=FixedPoint(4, 0, True)), "number format must be u8"),
    (
        replace(WHOLE, nodes=(WHOLE.nodes[0], Node(it.IntegerOp(), (LAYER,), WHOLE.nodes[0].output))),
        r"its name must be unique",
    ),
    (replace(WHOLE, nodes=FLOAT.nodes[:1], output="input"), "must be an operation of the integer level"),
]


@pytest.mark.parametrize(("graph", "message"), FLOAT_BREACHES + INTEGER_BREACHES)
def test_each_breach_is_named(graph, message):
    with pytest.raises(InvalidGraph, match=message):
        verify(graph)


def test_all_breaches_are_listed():
    graph = change(change(FLOAT, "maxpool5", {"kernel": (9, 1)}), "linear8", {"bias": read_only(np.ones(3))})
    with pytest.raises(InvalidGraph) as refusal:
        verify(graph)
    assert [problem.where for problem in refusal.value.problems] == ["maxpool5 (MaxPool)", "linear8 (Linear)"]


def test_a_layer_may_not_read_accumulators():
    first = WHOLE.node(LAYER)
    weight = read_only(np.ones((4, 4, 1, 1), np.int64))
    second = Node(replace(first.op, weight=weight), (LAYER,), replace(first.output, name="again"))
    wide = replace(first, output=replace(first.output, form=FixedPoint(30, 0, True)))
    with pytest.raises(InvalidGraph, match="must read activations of 2 to 16 bits, not 30"):
        verify(replace(WHOLE, nodes=(wide, second), output="again"))
    scaled = replace(first, output=replace(first.output, form=FixedPoint(16, 0, True, 3)))
    with pytest.raises(InvalidGraph, match="activations whose scale is a power of two, not s16.0·3"):
        verify(replace(WHOLE, nodes=(scaled, second), output="again"))
