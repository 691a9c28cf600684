"""What an operation makes of a shape, and what to tell the user if it takes no such input."""

from compiler.ir.float_ops import BatchNorm, Conv2d, FloatOp, KWinners, Linear, MaxPool
from compiler.ir.shapes import infer_shape
from compiler.ir.values import Shape

__all__ = ["Mismatch", "output_shape"]

_AGREE = "make them agree"


class Mismatch(Exception):
    """The input does not suit the operation. `shape` is what comes out if it did, as far as known."""

    def __init__(self, what: str, remedy: str, shape: Shape | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.shape = shape


def output_shape(op: FloatOp, shape: Shape) -> Shape:
    """Return the shape of an operation's output.

    Raises
    ------
    Mismatch
        If `shape` does not suit the operation.
    """
    match op:
        case Conv2d():
            _check_conv(op, shape)
        case Linear():
            _check_linear(op, shape)
        case MaxPool(kernel=(rows, columns)) if rows > shape[1] or columns > shape[2]:
            what = f"its {rows}×{columns} window is larger than its input, {_show(shape)}"
            raise Mismatch(what, "use a smaller window or a larger input")
        case KWinners():
            _check_winners(op, shape)
        case BatchNorm() if len(op.scale) != shape[0]:
            what = f"num_features is {len(op.scale)}, but its input has {shape[0]} channels ({_show(shape)})"
            raise Mismatch(what, _AGREE, shape)
    return infer_shape(op, shape)


def _check_conv(op: Conv2d, shape: Shape) -> None:
    _, channels, rows, columns = op.weight.shape
    top, bottom, left, right = op.padding
    if rows > shape[1] + top + bottom or columns > shape[2] + left + right:
        what = f"its {rows}×{columns} kernel is larger than its padded input, {_show(shape)}"
        raise Mismatch(what, "use a larger input or more padding")
    if channels != shape[0]:
        what = f"in_channels is {channels}, but its input has {shape[0]} channels ({_show(shape)})"
        raise Mismatch(what, _AGREE, infer_shape(op, (channels, shape[1], shape[2])))


def _check_linear(op: Linear, shape: Shape) -> None:
    outputs, inputs = op.weight.shape
    if shape[1:] != (1, 1):
        raise Mismatch(f"its input is an image, {_show(shape)}", "put Flatten before it", (outputs, 1, 1))
    if shape[0] != inputs:
        what = f"in_features is {inputs}, but its input has {shape[0]} values"
        raise Mismatch(what, _AGREE, (outputs, 1, 1))


def _check_winners(op: KWinners, shape: Shape) -> None:
    channels, height, width = shape
    available, unit = (channels, "channels") if op.scope == "local" else (channels * height * width, "values")
    if op.k > available:
        what = f"k is {op.k}, but there are only {available} {unit}"
        raise Mismatch(what, f"use a k of at most {available}", shape)


def _show(shape: Shape) -> str:
    return "×".join(map(str, shape))
