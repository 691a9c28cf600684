from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import UnsupportedModel
from compiler.execute import execute
from compiler.ir import float_ops as fl
from compiler.passes.fold_batchnorm import FoldBatchNorm
from tests.passes.floats import chain, conv, frames, linear, norm

RNG = np.random.default_rng(1)
POOL = fl.MaxPool((2, 2))


@pytest.mark.parametrize(
    "ops",
    [
        [conv(RNG, 4, 2, (1, 0, 2, 1)), norm(RNG, 4, signs=True), fl.Relu()],
        [conv(RNG, 4, 2), norm(RNG, 4, signs=True), norm(RNG, 4, signs=True)],
        [conv(RNG, 4, 2), POOL, norm(RNG, 4), fl.Relu()],
        [conv(RNG, 4, 2), POOL, POOL, norm(RNG, 4), norm(RNG, 4)],
        [conv(RNG, 4, 2), fl.Flatten(), linear(RNG, 5, 4 * 7 * 6), norm(RNG, 5, signs=True), fl.Relu()],
        [conv(RNG, 4, 2), fl.Flatten(), fl.BatchNorm(np.repeat([1.0, -2, 3, 0], 42), np.ones(168))],
    ],
    ids=["padded", "twice", "behind a pool", "behind pools, twice", "behind a linear", "behind a flatten"],
)
def test_folding_keeps_the_function(ops):
    graph = chain((2, 8, 8), *ops)
    folded = FoldBatchNorm()(graph)
    assert not any(isinstance(node.op, fl.BatchNorm) for node in folded)
    x = frames(np.random.default_rng(2), graph)
    np.testing.assert_allclose(execute(folded, x), execute(graph, x), rtol=1e-12, atol=1e-12)
    layers = [node.op for node in folded if isinstance(node.op, fl.Conv2d | fl.Linear)]
    assert not any(op.weight.flags.writeable or op.bias.flags.writeable for op in layers)


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        (
            [conv(RNG, 3, 2), POOL, fl.BatchNorm(np.array([1.0, -1.0, 0.0]), np.zeros(3))],
            "batchnorm3 (BatchNorm): must have positive scales to move before maxpool2 (MaxPool), not in "
            "channels 1, 2; put it before the MaxPool, or negate those filters and scales",
        ),
        (
            [norm(RNG, 2), conv(RNG, 4, 2)],
            "batchnorm1 (BatchNorm): must follow a Conv2d or Linear layer, not the input; "
            "put it directly behind a Conv2d or Linear layer",
        ),
        (
            [conv(RNG, 4, 2), fl.Relu(), norm(RNG, 4)],
            "batchnorm3 (BatchNorm): must not follow relu2 (Relu); "
            "put it directly behind a Conv2d or Linear layer",
        ),
        (
            [conv(RNG, 1, 2), fl.Flatten(), fl.BatchNorm(np.arange(42.0), np.ones(42))],
            "batchnorm3 (BatchNorm): must be equal for all pixels of a channel to move before flatten2 "
            "(Flatten); put it directly behind a Conv2d or Linear layer",
        ),
    ],
    ids=["negative scale", "on the input", "behind a ReLU", "unlike pixels"],
)
def test_what_cannot_be_folded_is_refused_with_a_remedy(ops, message):
    with pytest.raises(UnsupportedModel) as refusal:
        FoldBatchNorm()(chain((2, 8, 8), *ops))
    assert str(refusal.value) == message


def test_every_refusal_is_listed():
    ops = [norm(RNG, 2), conv(RNG, 4, 2), fl.KWinners(1, "local"), norm(RNG, 4)]
    with pytest.raises(UnsupportedModel) as refusal:
        FoldBatchNorm()(chain((2, 8, 8), *ops))
    assert [problem.where for problem in refusal.value.problems] == [
        "batchnorm1 (BatchNorm)",
        "batchnorm4 (BatchNorm)",
    ]


def test_a_layer_that_something_else_reads_is_not_changed():
    graph = chain((2, 8, 8), conv(RNG, 4, 2), norm(RNG, 4))
    with pytest.raises(UnsupportedModel, match="must be the only reader of conv2d1; give the branches"):
        FoldBatchNorm()(replace(graph, output="conv2d1"))
