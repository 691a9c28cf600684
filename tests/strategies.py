"""Whole random networks, as Hypothesis draws them: odd shapes, empty rows, ties, extreme weights."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import nn

from compiler.nn import KWinners, KWinners2d

__all__ = ["Drawn", "networks"]

SCALES = (1e-6, 0.1, 1.0, 300.0)
DENSITIES = (0.0, 0.1, 0.5, 1.0)


@dataclass(frozen=True)
class Drawn:
    """A network and the shape of its input."""

    model: nn.Sequential
    shape: tuple[int, int, int]

    def __repr__(self) -> str:
        return f"{self.shape} {self.model}"


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """Draw a network of up to two convolutions and two matrix products, of at most a few hundred weights."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(2, 7)), draw(st.integers(2, 7)))
    layers, (channels, height, width) = [], shape
    for _ in range(draw(st.integers(0, 2))):
        rows, columns = draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width)))
        padding = (draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1)))
        filters = draw(st.integers(1, 6))
        layers.append(nn.Conv2d(channels, filters, (rows, columns), padding=padding))
        channels, height, width = (
            filters,
            height + 2 * padding[0] - rows + 1,
            width + 2 * padding[1] - columns + 1,
        )
        if draw(st.booleans()):
            layers.append(nn.BatchNorm2d(channels))
        layers += draw(_activation(channels, channels * height * width, flat=False))
        if min(height, width) >= 2 and draw(st.booleans()):
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    layers.append(nn.Flatten())
    inputs = channels * height * width
    for _ in range(draw(st.integers(0, 1))):
        units = draw(st.integers(2, 9))
        layers += [nn.Linear(inputs, units), *draw(_activation(units, units, flat=True))]
        inputs = units
    layers.append(nn.Linear(inputs, draw(st.integers(1, 4))))
    model = nn.Sequential(*layers).eval()
    for layer in model:
        draw(_weights(layer))
    return Drawn(model, shape)


@st.composite
def _activation(draw: st.DrawFn, channels: int, size: int, *, flat: bool) -> list[nn.Module]:
    """Draw a ReLU, a k-WTA, both or neither; k from 1 to all."""
    layers: list[nn.Module] = [nn.ReLU()] if draw(st.booleans()) else []
    kind = draw(st.sampled_from(["none", "global"] if flat else ["none", "local", "global"]))
    if kind == "local":
        layers.append(KWinners2d(draw(st.integers(1, channels))))
    if kind == "global":
        layers.append(KWinners(draw(st.integers(1, size))))
    return layers


@st.composite
def _weights(draw: st.DrawFn, layer: nn.Module) -> None:
    """Make weights sparse, tiny, huge, or so few-valued that ties abound."""
    if not isinstance(layer, nn.Conv2d | nn.Linear):
        return
    with torch.no_grad():
        layer.weight.mul_(torch.rand_like(layer.weight) < draw(st.sampled_from(DENSITIES)))
        if draw(st.booleans()):
            layer.weight.sign_()
            layer.bias.zero_()
        layer.weight.mul_(draw(st.sampled_from(SCALES)))
