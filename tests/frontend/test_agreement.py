"""The graph computes what the module does, and keeps the rules of its level."""

import numpy as np
import pytest
import torch
from torch import nn

from compiler.execute.executor import execute
from compiler.frontend import load
from compiler.ir.verify import verify
from compiler.nn import KWinners, KWinners2d


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
