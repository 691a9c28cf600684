"""Whole random networks, as Hypothesis draws them: odd shapes, empty rows, ties, extreme weights."""

from dataclasses import dataclass, field

import torch
from hypothesis import strategies as st
from torch import nn

from compiler.nn import FakeQuantize, KWinners, KWinners2d, QuantizedConv2d, QuantizedLinear
from compiler.nn.rounding import MOST_BITS_WITH_FREE_SCALE

__all__ = ["Drawn", "networks"]

SCALES = (1e-6, 0.1, 1.0, 300.0)
DENSITIES = (0.0, 0.1, 0.5, 1.0)
WEIGHT_BITS = (2, 3, 5, 8, 11, 16)
BOARDS = ("u250", "u250", "zu3eg", "ecp5-85f")


@dataclass(frozen=True)
class Drawn:
    """A network, the shape of its input, and how it is to be built."""

    model: nn.Sequential
    shape: tuple[int, int, int]
    options: dict[str, int | str | None] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{self.shape} {self.options} {self.model}"


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """Draw a network of up to two convolutions and two matrix products, of at most a few hundred weights."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(2, 7)), draw(st.integers(2, 7)))
    trained = draw(st.booleans())
    layers, (channels, height, width) = [], shape
    if trained and draw(st.booleans()):
        layers.append(draw(_format(signed=draw(st.booleans()))))
    for _ in range(draw(st.integers(0, 2))):
        rows, columns = draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width)))
        padding = (draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1)))
        filters = draw(st.integers(1, 6))
        kind, more = (QuantizedConv2d, draw(_widths())) if trained else (nn.Conv2d, {})
        layers.append(kind(channels, filters, (rows, columns), padding=padding, **more))
        channels, height, width = (
            filters,
            height + 2 * padding[0] - rows + 1,
            width + 2 * padding[1] - columns + 1,
        )
        if draw(st.booleans()):
            layers.append(nn.BatchNorm2d(channels))
        layers += draw(_activation(channels, channels * height * width, flat=False, trained=trained))
        if min(height, width) >= 2 and draw(st.booleans()):
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    layers.append(nn.Flatten())
    inputs = channels * height * width
    for last in [False] * draw(st.integers(0, 1)) + [True]:
        units = draw(st.integers(1, 4)) if last else draw(st.integers(2, 9))
        kind, more = (QuantizedLinear, draw(_widths())) if trained else (nn.Linear, {})
        layers.append(kind(inputs, units, **more))
        if not last:
            layers += draw(_activation(units, units, flat=True, trained=trained))
        inputs = units
    model = nn.Sequential(*layers).eval()
    for layer in model:
        draw(_weights(layer))
    return Drawn(model, shape, draw(_options()))


@st.composite
def _options(draw: st.DrawFn) -> dict[str, int | str | None]:
    """Draw a board, how many instances, and how fast each: as it likes, or slower, so that it folds."""
    interval = draw(st.none() | st.integers(30, 1000))
    return {"board": draw(st.sampled_from(BOARDS)), "instances": draw(st.sampled_from([1, 1, 2, 3])),
            "interval": interval}  # fmt: skip


@st.composite
def _widths(draw: st.DrawFn) -> dict[str, int | bool | None]:
    """Draw the bits and the kind of scale of trained weights."""
    bits = draw(st.sampled_from(WEIGHT_BITS))
    free = bits <= MOST_BITS_WITH_FREE_SCALE and draw(st.booleans())
    digits = draw(st.sampled_from([None, None, 1, 2]))
    return {"weight_bits": bits, "signed_digits": digits, "free_scale": free}


@st.composite
def _format(draw: st.DrawFn, *, signed: bool) -> FakeQuantize:
    """Draw the format of trained activations; of few bits nearly all saturate or tie."""
    return FakeQuantize(draw(st.integers(2, 16)), draw(st.integers(-1, 9)), signed)


@st.composite
def _activation(draw: st.DrawFn, channels: int, size: int, *, flat: bool, trained: bool) -> list[nn.Module]:
    """Draw a ReLU, a k-WTA, both or neither, and a trained format; k from 1 to all."""
    layers: list[nn.Module] = [nn.ReLU()] if draw(st.booleans()) else []
    if trained and draw(st.booleans()):
        layers.append(draw(_format(signed=not layers)))
    kind = draw(st.sampled_from(["none", "global"] if flat else ["none", "local", "global"]))
    if kind == "local":
        layers.append(KWinners2d(draw(st.integers(1, channels))))
    if kind == "global":
        layers.append(KWinners(draw(st.integers(1, size))))
    return layers


@st.composite
def _weights(draw: st.DrawFn, layer: nn.Module) -> None:
    """Make weights sparse, all but absent, tiny, huge, or so few-valued that ties abound."""
    if not isinstance(layer, nn.Conv2d | nn.Linear):
        return
    with torch.no_grad():
        pattern = draw(st.sampled_from(["random", "random", "one", "no output", "no input"]))
        kept = torch.rand_like(layer.weight) < draw(st.sampled_from(DENSITIES))
        if pattern == "one":
            kept = torch.arange(kept.numel()).reshape(kept.shape) == draw(st.integers(0, kept.numel() - 1))
        elif pattern == "no output":
            kept[draw(st.integers(0, len(kept) - 1))] = False
        elif pattern == "no input":
            kept[:, draw(st.integers(0, kept.shape[1] - 1))] = False
        layer.weight.mul_(kept)
        if draw(st.booleans()):
            layer.weight.sign_()
            layer.bias.zero_()
        layer.weight.mul_(draw(st.sampled_from(SCALES)))
