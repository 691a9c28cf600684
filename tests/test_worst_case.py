"""Where time depends on the data, predictions are bounds: a frame made to be slow attains them."""

import pytest
import torch
from torch import nn

import compiler
from compiler.nn import KWinners, KWinners2d

INTERVAL = 700


def _network(bias: float) -> nn.Sequential:
    """Return a network whose biases decide how many winners there are, and that the last units win."""
    torch.manual_seed(4)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), KWinners2d(2), nn.Flatten(),
        nn.Linear(64, 12), nn.ReLU(), KWinners(4), nn.Linear(12, 3),
    ).eval()  # fmt: skip
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight.uniform_(-0.01, 0.01)
                layer.weight[layer.weight.abs() < 1e-4] = 0.005
        model[0].bias.fill_(bias)
        model[4].bias.copy_(bias * torch.arange(1, 13) / 12)
    return model


def _times(bias, tmp_path):
    model = _network(bias)
    bundle = compiler.build(
        model, board="u250", input_shape=(1, 6, 6), interval=INTERVAL, output=tmp_path / f"bias{bias}"
    )
    verdict = bundle.verify(stalls=["none"])
    assert verdict.passed, verdict.line
    return bundle.report["interval_cycles"], bundle.report["latency_cycles"]


def test_a_frame_full_of_winners_takes_as_long_as_predicted(tmp_path):
    interval, latency = _times(4.0, tmp_path)
    assert not interval["exact"]
    assert interval["simulated"] == interval["predicted"] <= INTERVAL
    assert latency["simulated"] == latency["predicted"]


@pytest.mark.parametrize("bias", [-0.5])
def test_a_frame_without_winners_is_faster(bias, tmp_path):
    interval, latency = _times(bias, tmp_path)
    assert interval["simulated"] < interval["predicted"]
    assert latency["simulated"] < latency["predicted"]
