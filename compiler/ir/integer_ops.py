"""Operations of the exact network. Payloads are int64 arrays, read-only; no float anywhere."""

from dataclasses import dataclass

import numpy as np

from compiler.ir.float_ops import Padding

__all__ = [
    "IntegerConv2d",
    "IntegerFlatten",
    "IntegerKWinners",
    "IntegerLinear",
    "IntegerMaxPool",
    "IntegerOp",
    "Requantize",
]


@dataclass(frozen=True)
class IntegerOp:
    """Base of all integer operations."""


@dataclass(frozen=True, eq=False)
class IntegerConv2d(IntegerOp):
    """Correlation with stride 1; the result is the exact accumulator.

    `weight` is int64[filters, channels, rows, columns]; `bias` int64[filters], in accumulator units.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_bits: int
    padding: Padding = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class IntegerLinear(IntegerOp):
    """Matrix product; the result is the exact accumulator.

    `weight` is int64[outputs, inputs]; `bias` int64[outputs], in accumulator units. Inputs are
    numbered as (channels, height, width) flattened.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_bits: int


@dataclass(frozen=True)
class Requantize(IntegerOp):
    """`(x · multiplier + 2**(shift-1)) >> shift`, saturated to the output's format.

    An unsigned output format makes it a ReLU as well. `multiplier` is positive: that of the accumulator's
    format, 1 where its scale is a power of two, times a power of two where the format gets finer.
    """

    multiplier: int
    shift: int


@dataclass(frozen=True)
class IntegerMaxPool(IntegerOp):
    """Maximum over non-overlapping windows of `kernel`; a remainder at the edge is dropped."""

    kernel: tuple[int, int]


@dataclass(frozen=True)
class IntegerKWinners(IntegerOp):
    """Keep at most `k`, zero the rest; `scope` is "local" or "global". Ties to the lowest index."""

    k: int
    scope: str


@dataclass(frozen=True)
class IntegerFlatten(IntegerOp):
    """(C, H, W) → (C·H·W, 1, 1), channel slowest."""
