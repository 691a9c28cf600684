"""What shape the input has: told, or worked out from the model where only one answer is sensible."""

import math
from collections.abc import Sequence

from compiler.errors import Problem
from compiler.frontend.shapes import Mismatch, output_shape
from compiler.ir.float_ops import BatchNorm, Conv2d, Flatten, FloatOp, KWinners, Linear, MaxPool
from compiler.ir.values import Shape

__all__ = ["check_shape", "infer_shape"]

LARGEST_SIDE = 1024
"""Widest square image that is tried."""

_LARGEST_INPUT = 1 << 24
_REMEDY = "say it with --input-shape C,H,W (or input_shape=(C, H, W))"


def check_shape(shape: object) -> Shape | Problem:
    """Return a shape that someone stated, or what is wrong with it."""
    if isinstance(shape, tuple | list) and len(shape) == 3:
        if all(type(size) is int and size >= 1 for size in shape) and math.prod(shape) <= _LARGEST_INPUT:
            return (shape[0], shape[1], shape[2])
    what = f"its shape must be three positive integers with a product of at most {_LARGEST_INPUT}"
    return Problem("input", what, _REMEDY)


def infer_shape(operations: Sequence[FloatOp]) -> Shape | Problem:
    """Work out the input shape of a chain of operations.

    A network without images takes the vector that its first Linear does. Otherwise the image is taken to be
    square, and of the size that makes the first Linear fit and lets no pooling drop a remainder.

    Parameters
    ----------
    operations : sequence of FloatOp
        In order. Convolutions, pooling and linear layers fix the answer.

    Returns
    -------
    Shape or Problem
        The only sensible shape, or why there is none.
    """
    linear = next((index for index, op in enumerate(operations) if isinstance(op, Linear)), None)
    body = operations[:linear]
    channels = next((_channels(op) for op in body if isinstance(op, Conv2d | BatchNorm)), None)
    if linear is None:
        return Problem("input", "its height and width do not follow from a model without Linear", _REMEDY)
    if not any(_needs_image(op) for op in body):
        return (operations[linear].weight.shape[1], 1, 1)
    if channels is None:
        return Problem("input", "its channels do not follow from a model without Conv2d", _REMEDY)
    if not any(isinstance(op, Flatten) for op in body):
        return Problem("input", "its height and width do not follow without a Flatten before Linear", _REMEDY)
    return _square(body, channels, operations[linear].weight.shape[1])


def _needs_image(op: FloatOp) -> bool:
    return isinstance(op, Conv2d | MaxPool) or (isinstance(op, KWinners) and op.scope == "local")


def _channels(op: Conv2d | BatchNorm) -> int:
    return op.weight.shape[1] if isinstance(op, Conv2d) else len(op.scale)


def _square(body: Sequence[FloatOp], channels: int, features: int) -> Shape | Problem:
    """Try every square image."""
    exact, loose = [], []
    for side in range(1, LARGEST_SIDE + 1):
        size, remainder = _features(body, (channels, side, side))
        if size == features:
            (loose if remainder else exact).append(side)
        if size > features:
            break
    fitting = exact or loose
    if len(fitting) == 1:
        return (channels, fitting[0], fitting[0])
    if not fitting:
        what = f"no square image gives the {features} values that the first Linear takes"
    else:
        what = f"square images of {', '.join(map(str, fitting))} pixels a side all fit"
    return Problem("input", what, _REMEDY)


def _features(body: Sequence[FloatOp], shape: Shape) -> tuple[int, bool]:
    """Return how many values come out, 0 if none can, and whether any pooling drops a remainder."""
    remainder = False
    for op in body:
        if isinstance(op, MaxPool):
            remainder |= bool(shape[1] % op.kernel[0] or shape[2] % op.kernel[1])
        try:
            shape = output_shape(op, shape)
        except Mismatch as mismatch:
            if mismatch.shape is None:
                return 0, remainder
            shape = mismatch.shape
    return math.prod(shape), remainder
