"""The graph computes what the module does, and keeps the rules of its level."""

import numpy as np
import pytest
import torch
from torch import nn

from compiler.execute.executor import execute
from compiler.frontend import load
from compiler.ir.verify import verify
from compiler.nn import KWinners, KWinners2d, Normalize, quantize_aware, round_biases
from compiler.passes.hoist_relu import HoistRelu
from compiler.passes.quantize import Quantize
from compiler.passes.tighten_accumulators import TightenAccumulators
from hdl.numerics import quantize


def randomized(norm: nn.Module) -> nn.Module:
    """Give a normalization statistics that matter."""
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2.0)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@pytest.mark.parametrize("seed", range(3))
def test_the_graph_computes_what_the_module_does(seed, tmp_path):
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(2, 8, (5, 3), padding="same"),
        randomized(nn.BatchNorm2d(8)),
        nn.MaxPool2d((2, 3)),
        nn.ReLU(),
        KWinners2d(3),
        nn.Conv2d(8, 6, 3, padding=(0, 2), bias=False),
        nn.ReLU(),
        nn.Flatten(),
        KWinners(20),
        nn.Dropout(),
        nn.Linear(6 * 6 * 7, 20),
        randomized(nn.BatchNorm1d(20)),
        nn.Linear(20, 5),
    ).double()
    torch.save(network, tmp_path / "model.pt")
    frames = torch.randn(3, 2, 16, 17, dtype=torch.float64)
    expected = network.eval()(frames).detach().numpy()
    for source in (network, tmp_path / "model.pt"):
        graph = load(source, input_shape=(2, 16, 17))
        verify(graph)
        np.testing.assert_allclose(execute(graph, frames.numpy()).reshape(3, 5), expected, atol=1e-12)


def trained_network(free_scales: bool) -> nn.Sequential:
    """Return a network after quantization-aware training, whose sums go beyond what float32 holds."""
    network = nn.Sequential(
        Normalize(128, 64), nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), KWinners2d(4), nn.Flatten(),
        nn.Linear(6 * 49, 40), nn.ReLU(), KWinners(30), nn.Linear(40, 5),
    )  # fmt: skip
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight.copy_(layer.weight.sign() * layer.weight.abs().max() * 0.77)
                layer.weight.flatten()[::3] *= torch.rand_like(layer.weight.flatten()[::3])
    quantized = quantize_aware(
        network, free_scales=free_scales, weight_bits=12, activation_bits=14, calibration_batches=2
    )
    for _ in range(2):
        quantized(torch.randint(256, (8, 1, 16, 16)).float())
    round_biases(quantized)
    return quantized.eval()


@pytest.mark.parametrize("free_scales", [False, True])
def test_a_module_in_evaluation_answers_as_its_integers_do(free_scales, tmp_path):
    torch.manual_seed(7)
    network = trained_network(free_scales)
    torch.save(network, tmp_path / "model.pt")
    graph = load(tmp_path / "model.pt", input_shape=(1, 16, 16))
    integer = TightenAccumulators()(Quantize()(HoistRelu()(graph)))
    verify(integer)
    assert any(node.output.form.multiplier > 1 for node in integer) is free_scales
    frames = torch.randint(256, (40, 1, 16, 16)).float()
    frames[0], frames[1] = 0.0, 255.0
    logits = execute(integer, quantize(((frames - 128) / 64).numpy(), integer.input.form))
    assert np.abs(logits).max() * integer.nodes[-1].output.form.multiplier > 2**24
    expected = logits.reshape(40, 5) * integer.output_scale
    assert np.array_equal(network(frames).detach().numpy(), expected)
    again = torch.load(tmp_path / "model.pt", weights_only=False)
    assert np.array_equal(again(frames).detach().numpy(), expected)
