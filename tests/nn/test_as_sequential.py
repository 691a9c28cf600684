"""Hand-written forwards become the Sequential that computes the same, of the same layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from compiler.nn import KWinners2d, Normalize, as_sequential, quantize_aware, round_biases


class Handwritten(nn.Module):
    """Layers inside containers, functions, and a layer used twice."""

    input_shape = (1, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(Normalize(128, 64), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
        self.winners = KWinners2d(2)
        self.hidden = nn.Linear(36, 36)
        self.out = nn.Linear(36, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.winners(functional.relu(functional.max_pool2d(self.features(x), 2)))
        x = functional.dropout(torch.flatten(x, 1), 0.5, training=self.training)
        x = functional.relu(self.hidden(x))
        x = functional.relu(self.hidden(x))
        return functional.log_softmax(self.out(x), dim=1)


def images(seed: int, count: int = 6) -> torch.Tensor:
    return torch.randint(256, (count, 1, 8, 8), generator=torch.Generator().manual_seed(seed)).float()


def test_a_handwritten_forward_becomes_layers_that_compute_the_same():
    torch.manual_seed(0)
    model = Handwritten()
    chain = as_sequential(model)
    assert list(chain._modules) == [
        "features_0", "features_1", "features_2", "max_pool2d", "relu", "winners", "flatten", "dropout",
        "hidden", "relu_1", "hidden_", "relu_2", "out", "log_softmax",
    ]  # fmt: skip
    assert chain.training and model.training and chain.input_shape == (1, 8, 8)
    assert chain.features_1 is model.features[1]
    assert torch.equal(chain.eval()(images(0)), model.eval()(images(0)))


def test_a_sequential_keeps_its_names():
    model = nn.Sequential(nn.Linear(4, 2), nn.ReLU()).eval()
    assert list(as_sequential(model)._modules) == ["0", "1"]
    assert not as_sequential(model).training
    assert list(as_sequential(nn.Linear(4, 2))._modules) == ["0"]


class Forked(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.relu(x)


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x) if x.sum() > 0 else x


class Odd(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x)


class Careless(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.dropout(x, 0.5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Forked(), "the model's forward is not a chain of layers: see add"),
        (Branching(), "the model's forward cannot be followed: symbolically traced variables cannot be used"),
        (Odd(), "sigmoid must be a layer, or a function that stands for one"),
        (Careless(), "dropout must rest in evaluation; give training=self.training"),
    ],
)
def test_what_is_no_chain_of_layers_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        as_sequential(model)


def test_a_handwritten_model_can_be_quantized():
    torch.manual_seed(1)
    model = Handwritten().eval()
    quantized = quantize_aware(model, calibration_batches=3, free_scales=["features_1"])
    for seed in range(3):
        quantized(images(seed, 32))
    round_biases(quantized)
    x = images(9, 64)
    assert (quantized.eval()(x).exp() - model(x).exp()).abs().median() < 0.02
    assert quantized.features_1.free_scale and not quantized.out.free_scale
