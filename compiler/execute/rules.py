"""The meaning of each operation as a function of NumPy arrays [batch, channels, height, width]."""

from functools import singledispatch

import numpy as np

from compiler.execute.products import convolve, multiply
from compiler.ir import float_ops as fl
from compiler.ir import integer_ops as it
from compiler.ir.values import Value
from hdl import numerics

__all__ = ["apply"]


@singledispatch
def apply(op: fl.FloatOp | it.IntegerOp, output: Value, *inputs: np.ndarray) -> np.ndarray:
    """Return what `op` makes of its inputs.

    `output` is the value being defined; its form matters to operations that round or saturate.
    Arrays are float64 at the float level and int64 at the integer level.
    """
    raise TypeError(f"no rule to execute {type(op).__name__}")


@apply.register(fl.Conv2d)
@apply.register(it.IntegerConv2d)
def _conv2d(op: fl.Conv2d | it.IntegerConv2d, output: Value, x: np.ndarray) -> np.ndarray:
    return convolve(x, op.weight, op.padding) + op.bias[:, None, None]


@apply.register(fl.Linear)
@apply.register(it.IntegerLinear)
def _linear(op: fl.Linear | it.IntegerLinear, output: Value, x: np.ndarray) -> np.ndarray:
    return (multiply(x[:, :, 0, 0], op.weight) + op.bias)[:, :, None, None]


@apply.register(fl.MaxPool)
@apply.register(it.IntegerMaxPool)
def _max_pool(op: fl.MaxPool | it.IntegerMaxPool, output: Value, x: np.ndarray) -> np.ndarray:
    return numerics.max_pool(x, op.kernel)


@apply.register(fl.KWinners)
@apply.register(it.IntegerKWinners)
def _winners(op: fl.KWinners | it.IntegerKWinners, output: Value, x: np.ndarray) -> np.ndarray:
    winners = numerics.local_winners if op.scope == "local" else numerics.global_winners
    return winners(x, op.k)


@apply.register(fl.Flatten)
@apply.register(it.IntegerFlatten)
def _flatten(op: fl.Flatten | it.IntegerFlatten, output: Value, x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), output.size, 1, 1)


@apply.register
def _normalize(op: fl.Normalize, output: Value, x: np.ndarray) -> np.ndarray:
    return (x - op.mean) / op.std


@apply.register
def _batch_norm(op: fl.BatchNorm, output: Value, x: np.ndarray) -> np.ndarray:
    return x * op.scale[:, None, None] + op.offset[:, None, None]


@apply.register
def _relu(op: fl.Relu, output: Value, x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


@apply.register
def _fake_quantize(op: fl.FakeQuantize, output: Value, x: np.ndarray) -> np.ndarray:
    form = numerics.FixedPoint(op.width, op.fraction_bits, op.signed)
    return numerics.quantize(x, form) * form.scale


@apply.register
def _requantize(op: it.Requantize, output: Value, x: np.ndarray) -> np.ndarray:
    if output.form is None:
        raise ValueError(f"value {output.name} must have a number format")
    return numerics.requantize(x, multiplier=op.multiplier, shift=op.shift, form=output.form)
