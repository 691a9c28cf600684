"""Weights as integers: symmetric codes, one scale, zeros kept. That `compiler.nn` agrees is tested there."""

import numpy as np
import pytest

from compiler.ir import float_ops as fl
from compiler.passes.integer_weight import integer_weight, weight_scale


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("digits", [None, 1, 2])
def test_weights_are_symmetric_and_zero_stays_zero(width, digits, free):
    weight = np.random.default_rng(width).normal(size=(20, 30)) * 3
    weight[::2] = 0
    op = fl.Linear(weight, np.zeros(20), signed_digits=digits, free_scale=free)
    codes, form = integer_weight(op, width)
    limit = 2 ** (width - 1) - 1
    assert codes.dtype == np.int64 and not codes.flags.writeable
    assert codes.min() >= -limit and codes.max() <= limit and not codes[::2].any()
    assert (form.width, form.signed, form.multiplier == 1) == (width, True, not free)
    if digits is None:
        assert np.array_equal(codes, np.floor(weight / form.scale + 0.5))


def test_a_tensor_of_zeros_has_a_scale():
    codes, form = integer_weight(fl.Linear(np.zeros((2, 3)), np.zeros(2), free_scale=True), 8)
    assert not codes.any() and (form.multiplier, form.fraction_bits) == (1, 7)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("largest", [5e-324, 1e-300, 1e300, 1.7e308])
def test_any_float_has_a_scale(largest, free):
    multiplier, fraction_bits = weight_scale(largest, 8, free=free)
    code = largest * 2.0 ** (fraction_bits // 2) * 2.0 ** (fraction_bits - fraction_bits // 2) / multiplier
    assert (126.5 if free else 63.5) <= code < 127.5
