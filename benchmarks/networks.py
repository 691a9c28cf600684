"""Small networks of many shapes, seeded: tests and measurements build them, and so speak of the same."""

import copy

import torch
from torch import nn

from compiler.nn import KWinners, KWinners2d, Normalize, QuantizedConv2d, QuantizedLinear

__all__ = ["NETWORKS", "network", "retrained"]

Recipe = tuple[tuple[int, int, int], list[nn.Module]]


def _speech_like() -> Recipe:
    return (1, 12, 12), [
        Normalize(128, 64), nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), KWinners2d(2),
        nn.Conv2d(8, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), KWinners2d(2), nn.Flatten(),
        nn.Linear(54, 20), nn.BatchNorm1d(20), nn.ReLU(), KWinners(5), nn.Linear(20, 4),
    ]  # fmt: skip


def _signed_winners() -> Recipe:
    """K-WTA without ReLU, pooling behind it, log-softmax at the end."""
    return (2, 9, 7), [
        nn.Conv2d(2, 5, 3, padding=1), KWinners2d(2), nn.MaxPool2d((3, 2)), nn.Conv2d(5, 4, 2), KWinners(6),
        nn.Flatten(), nn.Linear(16, 3), nn.LogSoftmax(dim=1),
    ]  # fmt: skip


def _dense_activations() -> Recipe:
    """ReLU alone: every activation of several channels reaches the second convolution."""
    return (1, 8, 8), [
        nn.Conv2d(1, 6, 3, padding="same"), nn.ReLU(), nn.Conv2d(6, 5, 3, padding=(1, 0)), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(60, 7),
    ]  # fmt: skip


def _linear_only() -> Recipe:
    return (30, 1, 1), [
        nn.Linear(30, 24), nn.ReLU(), KWinners(4), nn.Linear(24, 10), nn.ReLU(), nn.Linear(10, 5),
    ]  # fmt: skip


def _global_on_an_image() -> Recipe:
    """Global k-WTA over channels, rows and columns, straight into a convolution."""
    return (1, 7, 6), [
        nn.Conv2d(1, 4, 2), nn.ReLU(), KWinners(9), nn.Conv2d(4, 3, 2), nn.ReLU(), KWinners2d(1),
        nn.Flatten(), nn.Linear(60, 2),
    ]  # fmt: skip


def _one_by_one() -> Recipe:
    """1×1 kernels, one winner, one output."""
    return (3, 5, 4), [
        nn.Conv2d(3, 9, 1), nn.ReLU(), KWinners2d(1), nn.Conv2d(9, 4, 1), nn.ReLU(), KWinners2d(3),
        nn.Flatten(), nn.Linear(80, 1),
    ]  # fmt: skip


def _many_input_channels() -> Recipe:
    """More input channels than a beat carries."""
    return (11, 4, 4), [
        nn.Conv2d(11, 6, 3, padding=1), nn.ReLU(), KWinners2d(2), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(24, 3),
    ]  # fmt: skip


def _all_winners() -> Recipe:
    """K as large as the population: the k-WTA does nothing."""
    return (1, 6, 6), [
        nn.Conv2d(1, 3, 3), nn.ReLU(), KWinners2d(3), nn.Flatten(), nn.Linear(48, 6), nn.ReLU(), KWinners(6),
        nn.Linear(6, 2),
    ]  # fmt: skip


def _image_out() -> Recipe:
    """No linear layer: an image leaves."""
    return (1, 6, 5), [nn.Conv2d(1, 4, 3), nn.ReLU(), KWinners2d(2), nn.Conv2d(4, 2, 2)]


def _tall_kernel() -> Recipe:
    return (1, 10, 3), [
        nn.Conv2d(1, 5, (5, 3), padding=(2, 1)), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d((2, 1)),
        KWinners2d(2),
        nn.Conv2d(5, 7, (3, 1)), nn.ReLU(), KWinners2d(3), nn.Flatten(), nn.Linear(63, 5),
    ]  # fmt: skip


def _free_scales() -> Recipe:
    """Weights whose unit is no power of two, in every engine, of which one has few digits."""
    return (1, 8, 7), [
        QuantizedConv2d(1, 5, 3, free_scale=True), nn.ReLU(), KWinners2d(2),
        QuantizedConv2d(5, 4, 3, free_scale=True, weight_bits=5, signed_digits=1), nn.MaxPool2d(2),
        nn.Flatten(), QuantizedLinear(8, 6, free_scale=True), nn.ReLU(), KWinners(3),
        QuantizedLinear(6, 3, free_scale=True),
    ]  # fmt: skip


NETWORKS = {
    maker.__name__.removeprefix("_"): maker
    for maker in (
        _speech_like, _signed_winners, _dense_activations, _linear_only, _global_on_an_image, _one_by_one,
        _many_input_channels, _all_winners, _image_out, _tall_kernel, _free_scales,
    )
}  # fmt: skip


def network(name: str, density: float = 0.4) -> tuple[nn.Sequential, tuple[int, int, int]]:
    """Return an untrained network with sparse weights, and the shape of its input."""
    torch.manual_seed(len(name))
    shape, layers = NETWORKS[name]()
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            with torch.no_grad():
                layer.weight.mul_(torch.rand_like(layer.weight) < density)
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.running_mean, -0.2, 0.2)
    return nn.Sequential(*layers).eval(), shape


def retrained(model: nn.Sequential, *, kept: int = 0, seed: int = 5) -> nn.Sequential:
    """Return the network with other weights and biases, but for its first `kept` layers that have any.

    Zeros stay zeros and the largest weights what they are, so that number formats do not change.
    """
    other = copy.deepcopy(model)
    draw = torch.Generator().manual_seed(seed)
    layers = [layer for layer in other if isinstance(layer, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        for layer in layers[kept:]:
            weight = layer.weight
            scale = 2 * torch.rand(weight.shape, generator=draw) - 1
            scale.view(-1)[weight.abs().argmax()] = 1
            weight.mul_(scale)
            layer.bias.mul_(torch.rand(layer.bias.shape, generator=draw))
    return other
