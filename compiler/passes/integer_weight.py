"""The weights of a layer as integers, and the scale they share."""

import math

import numpy as np

from compiler.ir.float_ops import Conv2d, Linear
from compiler.ir.rewrite import read_only
from compiler.passes.signed_digits import nearest_signed_digits
from hdl.numerics import FixedPoint, quantize

__all__ = ["integer_weight", "weight_scale"]


def weight_scale(
    largest: float, width: int, signed_digits: int | None = None, free: bool = False
) -> tuple[int, int]:
    """Return the scale `multiplier / 2**fraction_bits` of weights; `compiler.nn` trains by this rule.

    Codes are symmetric: they reach ±(2**(width-1) - 1), and the most negative one stays unused. A
    single signed digit reaches ±2**(width-2). Nothing saturates, and rounding twice changes nothing.

    Parameters
    ----------
    largest : float
        Magnitude of the largest weight.
    width : int
        Bits of a code, sign included.
    signed_digits : int, optional
        Most signed binary digits of a code.
    free : bool
        Without it the multiplier is 1 and the scale the finest power of two with which the largest weight
        fits. With it the multiplier has as many bits as a code, at least 8, and the scale is the one that
        brings the largest weight nearest to the largest code; factors of 2 go into the fraction bits.

    Returns
    -------
    multiplier, fraction_bits : int
        The multiplier is odd. Weights of zero get 1 and `width - 1`.

    >>> weight_scale(1.0, 8), weight_scale(127.4, 8), weight_scale(1.0, 8, free=True)
    ((1, 6), (1, 0), (129, 14))
    """
    if largest == 0:
        return 1, width - 1
    limit = (1 << (width - 1)) - 1
    if not free:
        return 1, _most_fraction_bits(largest, 2 * limit + 1) - 1
    limit = 1 << (width - 2) if signed_digits == 1 else limit
    fraction_bits = _most_fraction_bits(largest, limit << max(width, 8))
    whole, rest = divmod(math.ldexp(largest, fraction_bits), limit)
    multiplier = int(whole) + (2 * rest >= limit)
    twos = (multiplier & -multiplier).bit_length() - 1
    return multiplier >> twos, fraction_bits - twos


def _most_fraction_bits(value: float, bound: int) -> int:
    """Return the most `n` with `value * 2**n < bound`, exactly."""
    fraction_bits = math.frexp(bound)[1] - math.frexp(value)[1]
    return fraction_bits - (math.ldexp(value, fraction_bits) >= bound)


def integer_weight(op: Conv2d | Linear, width: int) -> tuple[np.ndarray, FixedPoint]:
    """Return the int64 weights of a layer and their format.

    One scale a tensor, see :func:`weight_scale`; half up; then, if the layer limits signed digits,
    :func:`compiler.passes.signed_digits.nearest_signed_digits`.
    """
    largest = float(np.abs(op.weight).max(initial=0.0))
    multiplier, fraction_bits = weight_scale(largest, width, op.signed_digits, op.free_scale)
    form = FixedPoint(width, fraction_bits, signed=True, multiplier=multiplier)
    codes = quantize(op.weight, form)
    if op.signed_digits is not None:
        codes = nearest_signed_digits(codes, op.signed_digits, width)
    return read_only(codes), form
