"""Rounding in PyTorch agrees with the hardware's arithmetic, and gradients pass straight through."""

import itertools

import numpy as np
import pytest
import torch

from compiler.nn import nearest_signed_digits, quantize_weight, weight_fraction_bits
from compiler.nn.rounding import quantize
from hdl import numerics


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("width", "fraction_bits"), [(8, 4), (8, -2), (2, 0), (16, 7)])
def test_quantize_agrees_with_the_hardware_rule(width, fraction_bits, signed):
    generator = torch.Generator().manual_seed(width)
    halves = torch.randint(-(1 << width), 1 << width, (500,), generator=generator) / 2
    values = halves * 2.0**-fraction_bits
    form = numerics.FixedPoint(width, fraction_bits, signed)
    expected = numerics.quantize(values.numpy(), form) * form.scale
    assert np.array_equal(quantize(values, width, fraction_bits, signed).numpy(), expected)


def test_quantize_passes_gradients_in_range_and_stops_them_beyond():
    x = torch.tensor([-1.0, 0.3, 15.0, 99.0], requires_grad=True)
    quantize(x, 4, 0, False).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("width", [2, 4, 8, 12])
def test_weight_fraction_bits_agrees_with_the_hardware_rule(width):
    largest = [0.0, *np.exp(np.random.default_rng(width).uniform(-9, 9, 500)), 1.0, 127.4, 127.5, 0.9961]
    found = [weight_fraction_bits(value, width) for value in largest]
    assert found == [numerics.weight_fraction_bits(value, width) for value in largest]


@pytest.mark.parametrize("digits", [None, 1, 2])
@pytest.mark.parametrize("width", [4, 8])
def test_weights_become_symmetric_codes_and_stay_what_they_are(width, digits):
    generator = torch.Generator().manual_seed(7)
    weight = torch.randn(40, 30, generator=generator)
    weight[weight.abs() < 0.2] = 0
    once = quantize_weight(weight, width, digits)
    codes = once * 2.0 ** weight_fraction_bits(float(once.abs().max()), width)
    assert torch.equal(codes, codes.round())
    assert codes.abs().max() <= 2 ** (width - 1) - 1
    assert torch.all(once[weight == 0] == 0)
    assert torch.equal(quantize_weight(once, width, digits), once)
    assert torch.equal(quantize_weight(once.half().float(), width, digits), once)


def test_weight_of_zeros_stays_zero():
    assert torch.equal(quantize_weight(torch.zeros(3, 3), 8), torch.zeros(3, 3))


def test_weight_gradient_is_that_of_the_identity():
    weight = torch.tensor([0.3, -1.0, 0.0], requires_grad=True)
    (quantize_weight(weight, 8, 2) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert weight.grad.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_signed_digits_are_the_nearest_that_brute_force_finds(digits):
    powers = [sign * 2**n for n in range(9) for sign in (1, -1)]
    sums = {0} | {sum(c) for d in range(1, digits + 1) for c in itertools.product(powers, repeat=d)}
    allowed = sorted((s for s in sums if abs(s) <= 127), key=abs)
    codes = torch.arange(-127, 128)
    expected = [min(allowed, key=lambda a, n=n: (abs(a - n), abs(a))) for n in codes.tolist()]
    assert nearest_signed_digits(codes, digits, 8).tolist() == expected


def test_no_nonzero_code_is_lost_to_few_digits():
    codes = torch.arange(1, 128)
    assert torch.all(nearest_signed_digits(codes, 1, 8) > 0)


def test_zero_digits_are_refused():
    with pytest.raises(ValueError, match="digits must be at least 1, not 0"):
        nearest_signed_digits(torch.tensor([1]), 0, 8)
