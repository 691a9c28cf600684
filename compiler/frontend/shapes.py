"""What comes out of an operation: its shape, and how many elements of it can be nonzero."""

from dataclasses import replace

from compiler.ir.float_ops import (
    BatchNorm,
    Conv2d,
    FakeQuantize,
    Flatten,
    FloatOp,
    KWinners,
    Linear,
    MaxPool,
    Relu,
)
from compiler.ir.values import Shape, Value

__all__ = ["Mismatch", "output_of", "output_shape"]


class Mismatch(Exception):
    """The input does not suit the operation. `shape` is what comes out if it did, as far as known."""

    def __init__(self, what: str, remedy: str, shape: Shape | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.shape = shape


def _conv_shape(op: Conv2d, shape: Shape) -> Shape:
    filters, channels, rows, columns = op.weight.shape
    top, bottom, left, right = op.padding
    height, width = shape[1] + top + bottom - rows + 1, shape[2] + left + right - columns + 1
    if height < 1 or width < 1:
        what = f"its {rows}×{columns} kernel is larger than its padded input, {_show(shape)}"
        raise Mismatch(what, "use a larger input or more padding")
    result = (filters, height, width)
    if channels != shape[0]:
        what = f"in_channels is {channels}, but its input has {shape[0]} channels ({_show(shape)})"
        raise Mismatch(what, "make them agree", result)
    return result


def _linear_shape(op: Linear, shape: Shape) -> Shape:
    outputs, inputs = op.weight.shape
    result = (outputs, 1, 1)
    if shape[1:] != (1, 1):
        raise Mismatch(f"its input is an image, {_show(shape)}", "put Flatten before it", result)
    if shape[0] != inputs:
        what = f"in_features is {inputs}, but its input has {shape[0]} values"
        raise Mismatch(what, "make them agree", result)
    return result


def _pool_shape(op: MaxPool, shape: Shape) -> Shape:
    result = (shape[0], shape[1] // op.kernel[0], shape[2] // op.kernel[1])
    if 0 in result:
        what = f"its {op.kernel[0]}×{op.kernel[1]} window is larger than its input, {_show(shape)}"
        raise Mismatch(what, "use a smaller window or a larger input")
    return result


def _winners_shape(op: KWinners, shape: Shape) -> Shape:
    channels, height, width = shape
    available, unit = (channels, "channels") if op.scope == "local" else (channels * height * width, "values")
    if op.k > available:
        what = f"k is {op.k}, but there are only {available} {unit}"
        raise Mismatch(what, f"use a k of at most {available}", shape)
    return shape


def output_shape(op: FloatOp, shape: Shape) -> Shape:
    """Return the shape of an operation's output.

    Raises
    ------
    Mismatch
        If `shape` does not suit the operation.
    """
    match op:
        case Conv2d():
            return _conv_shape(op, shape)
        case Linear():
            return _linear_shape(op, shape)
        case MaxPool():
            return _pool_shape(op, shape)
        case KWinners():
            return _winners_shape(op, shape)
        case Flatten():
            return (shape[0] * shape[1] * shape[2], 1, 1)
        case BatchNorm() if len(op.scale) != shape[0]:
            what = f"num_features is {len(op.scale)}, but its input has {shape[0]} channels ({_show(shape)})"
            raise Mismatch(what, "make them agree", shape)
        case _:
            return shape


def output_of(op: FloatOp, source: Value, name: str, shape: Shape) -> Value:
    """Return the value that an operation defines, with the bound on nonzeros that is known.

    A k-WTA sets the bound; operations that turn 0 into 0 one by one keep it; Flatten restates a bound on a
    pixel for the whole tensor; a max pool gathers the nonzeros of its window.
    """
    value = Value(name, shape)
    match op:
        case KWinners(k=k, scope=scope):
            return replace(value, at_most=k, sparse=scope)
        case Relu() | FakeQuantize() if source.sparse:
            return replace(value, at_most=source.at_most, sparse=source.sparse)
        case Flatten() if source.sparse:
            return replace(value, at_most=source.active, sparse="global")
        case MaxPool(kernel=(rows, columns)) if source.sparse == "local":
            return replace(value, at_most=min(shape[0], source.at_most * rows * columns), sparse="local")
        case MaxPool() if source.sparse:
            return replace(value, at_most=min(source.at_most, value.size), sparse="global")
        case _:
            return value


def _show(shape: Shape) -> str:
    return "×".join(map(str, shape))
