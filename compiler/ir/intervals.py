"""How far an accumulator can go: interval analysis from real weights and the formats of inputs."""

import numpy as np

from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear
from compiler.ir.values import Value

__all__ = ["accumulator_range"]


def accumulator_range(op: IntegerConv2d | IntegerLinear, source: Value) -> tuple[int, int]:
    """Return the least and the greatest number any accumulator of `op` can hold, ever.

    The range covers every partial sum, whatever subset of the products has been added in whatever
    order, with the bias in it or not: hardware may accumulate in its own order. Where `source` is
    bounded by a k-WTA, only the `at_most` most extreme products of a pixel ("local") or of the whole
    tensor ("global") can meet. Padding adds zeros, so it never widens the range.

    >>> from hdl.numerics import FixedPoint
    >>> op = IntegerLinear(np.array([[1, -2, 3]]), np.array([-5]), weight_bits=8)
    >>> accumulator_range(op, Value("x", (3, 1, 1), FixedPoint(2, 0, signed=False)))
    (-11, 12)
    >>> accumulator_range(op, Value("x", (3, 1, 1), FixedPoint(2, 0, False), at_most=1, sparse="global"))
    (-11, 9)
    """
    if source.form is None:
        raise ValueError(f"value {source.name} must have a number format")
    low, high = min(source.form.minimum, 0), max(source.form.maximum, 0)
    # One row of products for each group of inputs of which at most `at_most` are nonzero together.
    if op.weight.ndim == 4 and source.sparse == "local":
        groups = op.weight.transpose(0, 2, 3, 1)
    else:
        groups = op.weight.reshape(len(op.weight), 1, 1, -1)
    most = _extreme_sums(np.maximum(groups * low, groups * high), source.at_most)
    least = _extreme_sums(np.maximum(-groups * low, -groups * high), source.at_most)
    bias = op.bias.tolist()
    return (
        min(min(b, 0) - total for b, total in zip(bias, least, strict=True)),
        max(max(b, 0) + total for b, total in zip(bias, most, strict=True)),
    )


def _extreme_sums(products: np.ndarray, at_most: int | None) -> list[int]:
    """Sum the `at_most` largest of each group, then the groups of each output; all are at least 0."""
    count = products.shape[-1]
    if at_most is not None and at_most < count:
        products = np.partition(products, count - at_most, axis=-1)[..., count - at_most :]
    return products.sum(axis=(1, 2, 3)).tolist()
