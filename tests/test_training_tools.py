"""Each tool of `compiler.nn` alone: a few steps of training, a file, a build from the command line."""

import numpy as np
import pytest
import torch
from torch import nn

import compiler
from compiler.__main__ import main
from compiler.ir.integer_ops import IntegerLinear, Requantize
from compiler.nn import (
    ComplementaryMask,
    DynamicMask,
    FakeQuantize,
    KWinners,
    KWinners2d,
    MagnitudePruning,
    RandomMask,
    quantize_aware,
    round_biases,
    sparsify,
)


class Handwritten(nn.Module):
    """An ordinary module: layers as attributes, functions between them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.out = nn.Conv2d(1, 4, 3), nn.Linear(36, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(nn.functional.max_pool2d(self.conv(x), 2))
        return self.out(torch.relu(self.hidden(torch.flatten(x, 1))))


def plain(local: nn.Module | None = None, whole: nn.Module | None = None) -> nn.Sequential:
    """Return an ordinary network, with a k-WTA layer where one is given."""
    layers = (
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        local,
        nn.Flatten(),
        nn.Linear(36, 8),
        nn.ReLU(),
    )
    return nn.Sequential(*(layer for layer in (*layers, whole, nn.Linear(8, 3)) if layer is not None))


def train(model: nn.Module, sparsity=None) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(6):
        loss = nn.functional.cross_entropy(model(torch.randn(12, 1, 8, 8)), torch.arange(12) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if sparsity is not None:
            sparsity.step()
    return model


def quantized(model: nn.Module, **options) -> nn.Sequential:
    result = train(quantize_aware(model, calibration_batches=3, **options))
    round_biases(result)
    return result


def sparse(rule: object) -> nn.Sequential:
    model = plain()
    return train(model, sparsify(model, {"4": rule}))


def nonzeros(graph) -> list[int]:
    """Return the nonzero weights of each unit of the hidden layer."""
    layer = next(node.op for node in graph if isinstance(node.op, IntegerLinear))
    return np.count_nonzero(layer.weight, axis=1).tolist()


def bounds(graph) -> set:
    return {(node.output.at_most, node.output.sparse) for node in graph}


def multipliers(graph) -> list[bool]:
    return [node.op.multiplier > 1 for node in graph if isinstance(node.op, Requantize)]


def digits(graph) -> int:
    codes = graph.nodes[0].op.weight.ravel().tolist()
    return max((abs(code) ^ (3 * abs(code))).bit_count() for code in codes)


TOOLS = {
    "KWinners2d": (lambda: train(plain(KWinners2d(2))), lambda g: (2, "local") in bounds(g)),
    "KWinners2d, boosted": (lambda: train(plain(KWinners2d(2, 1.0))), lambda g: (2, "local") in bounds(g)),
    "KWinners": (lambda: train(plain(whole=KWinners(3))), lambda g: (3, "global") in bounds(g)),
    "KWinners, boosted": (lambda: train(plain(whole=KWinners(3, 1.0))), lambda g: (3, "global") in bounds(g)),
    "random mask": (lambda: sparse(RandomMask(5)), lambda g: max(nonzeros(g)) <= 5),
    "magnitude": (
        lambda: sparse(MagnitudePruning(5, begin=1, end=5, interval=1)),
        lambda g: max(nonzeros(g)) <= 5,
    ),
    "dynamic": (lambda: sparse(DynamicMask(5, end=5, interval=2)), lambda g: max(nonzeros(g)) <= 5),
    "complementary": (
        lambda: sparse(ComplementaryMask(4, begin=1, end=5, interval=1)),
        lambda g: sum(nonzeros(g)) <= 2 * 36,
    ),
    "powers of two": (lambda: quantized(plain()), lambda g: multipliers(g) == [False, False]),
    "free scales": (lambda: quantized(plain(), free_scales=True), lambda g: all(multipliers(g))),
    "signed digits": (lambda: quantized(plain(), signed_digits={"0": 2}), lambda g: digits(g) <= 2),
    "a handwritten module": (
        lambda: quantized(train(Handwritten()), free_scales=["conv"]),
        lambda g: multipliers(g) == [True, False],
    ),
}
"""What is trained, and what must hold of its integers."""


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_alone_goes_from_training_through_a_file_into_a_build(name, tmp_path):
    make, holds = TOOLS[name]
    torch.manual_seed(3)
    model = make().eval()
    torch.save(model, tmp_path / "model.pt")
    x = np.random.default_rng(1).normal(size=(16, 1, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    paths = [str(tmp_path / name) for name in ("model.pt", "x.npz", "out")]
    arguments = ["--board", "u250", "--input-shape", "1,8,8", "--samples", paths[1], "-o", paths[2]]
    assert main(["build", paths[0], *arguments]) == 0
    bundle = compiler.Bundle.open(tmp_path / "out")
    assert holds(bundle.graph)
    with torch.no_grad():
        answers = model(torch.from_numpy(x).float()).numpy()
    if any(isinstance(layer, FakeQuantize) for layer in model):
        assert np.array_equal(bundle.predict(x), answers)
    else:
        assert np.abs(bundle.predict(x) - answers).mean() < 0.1 * answers.std()
