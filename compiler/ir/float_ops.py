"""Operations of a trained network. Payloads are float64 arrays, read-only."""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "BatchNorm",
    "Conv2d",
    "FakeQuantize",
    "Flatten",
    "FloatOp",
    "KWinners",
    "Linear",
    "MaxPool",
    "Normalize",
    "Padding",
    "Relu",
]

Padding = tuple[int, int, int, int]
"""Zeros added at (top, bottom, left, right)."""


@dataclass(frozen=True)
class FloatOp:
    """Base of all float operations."""


@dataclass(frozen=True)
class Normalize(FloatOp):
    """`(x - mean) / std` on raw uint8 features; done by the host, on the way in."""

    mean: float
    std: float


@dataclass(frozen=True, eq=False)
class Conv2d(FloatOp):
    """Correlation with stride 1.

    `weight` is float64[filters, channels, rows, columns]; `bias` float64[filters]. `signed_digits`
    limits each quantized weight to that many signed binary digits; None does not. With `free_scale` the
    unit of quantized weights may be other than a power of two.
    """

    weight: np.ndarray
    bias: np.ndarray
    padding: Padding = (0, 0, 0, 0)
    weight_bits: int = 8
    signed_digits: int | None = None
    free_scale: bool = False


@dataclass(frozen=True, eq=False)
class Linear(FloatOp):
    """Matrix product on a flattened input: `weight` is float64[outputs, inputs], `bias` float64[outputs].

    The settings are those of :class:`Conv2d`.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_bits: int = 8
    signed_digits: int | None = None
    free_scale: bool = False


@dataclass(frozen=True, eq=False)
class BatchNorm(FloatOp):
    """`x * scale + offset`, one pair a channel: batch normalization with its statistics frozen."""

    scale: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True)
class Relu(FloatOp):
    """`max(x, 0)`."""


@dataclass(frozen=True)
class MaxPool(FloatOp):
    """Maximum over non-overlapping windows of `kernel`; a remainder at the edge is dropped."""

    kernel: tuple[int, int]


@dataclass(frozen=True)
class KWinners(FloatOp):
    """Keep the `k` largest, zero the rest; ties to the lowest index.

    `scope` is "local" (across channels, at each pixel) or "global" (across the tensor).
    """

    k: int
    scope: str


@dataclass(frozen=True)
class Flatten(FloatOp):
    """(C, H, W) → (C·H·W, 1, 1), channel slowest."""


@dataclass(frozen=True)
class FakeQuantize(FloatOp):
    """A trained number format for the value that passes; rounds half up and saturates."""

    width: int
    fraction_bits: int
    signed: bool
