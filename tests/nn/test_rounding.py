"""Rounding in PyTorch agrees with the hardware's arithmetic, and gradients pass straight through."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch

from compiler.ir import float_ops
from compiler.nn import nearest_signed_digits, quantize_weight, weight_scale
from compiler.nn.rounding import MOST_BITS_WITH_FREE_SCALE, quantize
from compiler.passes import integer_weight
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


AWKWARD = [0.0, 1.0, 127.4, 127.5, 0.9961, 5e-324, 1e300, *(127.5 * m / 127 for m in range(128, 256))]


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("width", [2, 4, 8, 12])
def test_the_compiler_chooses_the_same_scales(width, free):
    largest = [*AWKWARD, *np.exp(np.random.default_rng(width).uniform(-9, 9, 500))]
    for digits in (None, 1, 2):
        found = [weight_scale(value, width, digits, free) for value in largest]
        assert found == [integer_weight.weight_scale(value, width, digits, free) for value in largest]


@pytest.mark.parametrize("width", [2, 4, 8, 12])
def test_a_power_of_two_is_the_finest_that_fits(width):
    halves = 2**width - 1
    for value in [*AWKWARD[1:], *np.exp(np.random.default_rng(width).uniform(-9, 9, 500))]:
        one, bits = weight_scale(value, width)
        units = Fraction(value) * Fraction(2) ** bits
        assert one == 1 and 2 * units < halves <= 4 * units


@pytest.mark.parametrize(("width", "digits", "limit"), [(2, None, 1), (4, None, 7), (8, 2, 127), (8, 1, 64)])
def test_a_free_scale_gives_the_largest_weight_the_largest_code(width, digits, limit):
    for value in [*AWKWARD[1:], *np.exp(np.random.default_rng(width).uniform(-9, 9, 500))]:
        multiplier, bits = weight_scale(value, width, digits, free=True)
        unit = multiplier / Fraction(2) ** bits
        assert multiplier % 2 == 1 and multiplier < 256
        assert abs(Fraction(value) / unit - limit) <= Fraction(1, 2)
        assert abs(limit * unit / Fraction(value) - 1) <= Fraction(1, 256)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("digits", [None, 1, 2])
@pytest.mark.parametrize("width", [2, 4, 8, 12])
def test_weights_become_symmetric_codes_and_stay_what_they_are(width, digits, free):
    generator = torch.Generator().manual_seed(7)
    weight = torch.randn(40, 30, generator=generator)
    weight[weight.abs() < 0.2] = 0
    once = quantize_weight(weight, width, digits, free)
    multiplier, bits = weight_scale(float(once.abs().max()), width, digits, free)
    codes = once.double() * 2.0**bits / multiplier
    assert torch.equal(codes, codes.round())
    assert codes.abs().max() <= 2 ** (width - 1) - 1
    assert torch.all(once[weight == 0] == 0)
    assert torch.equal(quantize_weight(once, width, digits, free), once)
    if not free and width < 12:
        assert torch.equal(quantize_weight(once.half().float(), width, digits), once)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("width", [4, 8, 12])
def test_the_compiler_takes_the_same_codes_even_next_to_ties(width, free):
    weight = torch.randn(200, generator=torch.Generator().manual_seed(width))
    multiplier, bits = weight_scale(float(weight.abs().max()), width, None, free)
    ties = ((torch.arange(40) - 20 + 0.5) * multiplier * 2.0**-bits).float()
    ties = ties[ties.abs() < weight.abs().max()]
    near = [ties, torch.nextafter(ties, torch.tensor(99.0)), torch.nextafter(ties, torch.tensor(-99.0))]
    weight = torch.cat([weight, *near])[None]
    op = float_ops.Linear(weight.double().numpy(), np.zeros(1), free_scale=free)
    codes, form = integer_weight.integer_weight(op, width)
    assert (form.multiplier, form.fraction_bits) == (multiplier, bits)
    assert np.array_equal(quantize_weight(weight, width, None, free).numpy(), codes * form.scale)


def test_a_free_scale_halves_the_error_of_an_unlucky_power_of_two():
    weight = torch.randn(4000, generator=torch.Generator().manual_seed(1)).clamp(-1.0, 1.0)

    def error(free):
        return (quantize_weight(weight, 8, None, free) - weight).square().mean().sqrt()

    assert error(True) < 0.53 * error(False)


def test_a_free_scale_of_weights_that_float32_would_round_is_refused():
    with pytest.raises(ValueError, match="weights with a free scale must have at most 12 bits, not 13"):
        quantize_weight(torch.ones(3), MOST_BITS_WITH_FREE_SCALE + 1, None, True)


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
