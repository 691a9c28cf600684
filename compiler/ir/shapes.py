"""What each operation makes of a value: its shape, and how many of its elements can be nonzero."""

from functools import singledispatch

from compiler.ir import float_ops as fl
from compiler.ir import integer_ops as it
from compiler.ir.values import Shape, Value

__all__ = ["infer_at_most", "infer_shape", "output_value"]

Bound = tuple[int | None, str | None]
"""The two fields `at_most` and `sparse` of a value."""


@singledispatch
def infer_shape(op: fl.FloatOp | it.IntegerOp, shape: Shape) -> Shape:
    """Return the shape that `op` makes of an input of `shape`; ValueError if it takes no such input.

    >>> infer_shape(fl.MaxPool((2, 2)), (64, 5, 5))
    (64, 2, 2)
    """
    return shape


@infer_shape.register(fl.Conv2d)
@infer_shape.register(it.IntegerConv2d)
def _conv_shape(op: fl.Conv2d | it.IntegerConv2d, shape: Shape) -> Shape:
    filters, channels, rows, columns = op.weight.shape
    top, bottom, left, right = op.padding
    if channels != shape[0]:
        raise ValueError(f"weight must have {shape[0]} channels, not {channels}")
    height, width = shape[1] + top + bottom - rows + 1, shape[2] + left + right - columns + 1
    if height < 1 or width < 1:
        raise ValueError(f"kernel {rows}×{columns} must fit the padded input of {shape[1]}×{shape[2]}")
    return filters, height, width


@infer_shape.register(fl.Linear)
@infer_shape.register(it.IntegerLinear)
def _linear_shape(op: fl.Linear | it.IntegerLinear, shape: Shape) -> Shape:
    outputs, inputs = op.weight.shape
    if shape != (inputs, 1, 1):
        raise ValueError(f"input must have shape ({inputs}, 1, 1), not {shape}")
    return outputs, 1, 1


@infer_shape.register
def _batchnorm_shape(op: fl.BatchNorm, shape: Shape) -> Shape:
    if op.scale.shape != (shape[0],):
        raise ValueError(f"scale must have {shape[0]} elements, not shape {op.scale.shape}")
    return shape


@infer_shape.register(fl.MaxPool)
@infer_shape.register(it.IntegerMaxPool)
def _pool_shape(op: fl.MaxPool | it.IntegerMaxPool, shape: Shape) -> Shape:
    rows, columns = op.kernel
    if not (1 <= rows <= shape[1] and 1 <= columns <= shape[2]):
        raise ValueError(f"window {rows}×{columns} must fit the input of {shape[1]}×{shape[2]}")
    return shape[0], shape[1] // rows, shape[2] // columns


@infer_shape.register(fl.KWinners)
@infer_shape.register(it.IntegerKWinners)
def _winners_shape(op: fl.KWinners | it.IntegerKWinners, shape: Shape) -> Shape:
    if op.scope not in ("local", "global"):
        raise ValueError(f"scope must be 'local' or 'global', not {op.scope!r}")
    population = shape[0] if op.scope == "local" else shape[0] * shape[1] * shape[2]
    if not 1 <= op.k <= population:
        raise ValueError(f"k must be from 1 to {population}, not {op.k}")
    return shape


@infer_shape.register(fl.Flatten)
@infer_shape.register(it.IntegerFlatten)
def _flat_shape(op: fl.Flatten | it.IntegerFlatten, shape: Shape) -> Shape:
    return shape[0] * shape[1] * shape[2], 1, 1


@singledispatch
def infer_at_most(op: fl.FloatOp | it.IntegerOp, source: Value) -> Bound:
    """Return the tightest known bound on nonzeros of what `op` makes of `source`: (at_most, sparse).

    >>> infer_at_most(fl.Flatten(), Value("x", (64, 5, 5), at_most=6, sparse="local"))
    (150, 'global')
    """
    return None, None


@infer_at_most.register(fl.Relu)
@infer_at_most.register(fl.FakeQuantize)
@infer_at_most.register(it.Requantize)
def _bound_kept(op: fl.FloatOp | it.IntegerOp, source: Value) -> Bound:
    return source.at_most, source.sparse


@infer_at_most.register(fl.KWinners)
@infer_at_most.register(it.IntegerKWinners)
def _bound_of_winners(op: fl.KWinners | it.IntegerKWinners, source: Value) -> Bound:
    return op.k, op.scope


@infer_at_most.register(fl.MaxPool)
@infer_at_most.register(it.IntegerMaxPool)
def _bound_after_pool(op: fl.MaxPool | it.IntegerMaxPool, source: Value) -> Bound:
    """Count the nonzeros of a window: a maximum can be nonzero only where one of them is."""
    if source.at_most is None or source.sparse == "global":
        return source.at_most, source.sparse
    bound = source.at_most * op.kernel[0] * op.kernel[1]
    return (bound, "local") if bound < source.shape[0] else (None, None)


@infer_at_most.register(fl.Flatten)
@infer_at_most.register(it.IntegerFlatten)
def _bound_after_flatten(op: fl.Flatten | it.IntegerFlatten, source: Value) -> Bound:
    return (None, None) if source.at_most is None else (source.active, "global")


def output_value(op: fl.FloatOp | it.IntegerOp, source: Value, name: str) -> Value:
    """Return the value that `op` makes of `source`, with shape and bound, its form still open."""
    at_most, sparse = infer_at_most(op, source)
    return Value(name, infer_shape(op, source.shape), at_most=at_most, sparse=sparse)
