"""Real numbers to integers and back, as the hardware does it: half up, saturating."""

import math

import torch

__all__ = [
    "MOST_BITS_WITH_FREE_SCALE",
    "nearest_signed_digits",
    "quantize",
    "quantize_weight",
    "weight_scale",
]

MOST_BITS_WITH_FREE_SCALE = 12
"""Bits of a weight with which code times multiplier is exact in float32."""


def quantize(x: torch.Tensor, width: int, fraction_bits: int, signed: bool) -> torch.Tensor:
    """Round to the codes of a fixed-point format, with a straight-through gradient.

    Parameters
    ----------
    x : float[...]
    width, fraction_bits, signed
        The format: an integer of `width` bits stands for `integer / 2**fraction_bits`.

    Returns
    -------
    float[...]
        Real values `code / 2**fraction_bits`. The gradient passes where `x` is in range and is 0
        where it saturates.

    Rounding
    --------
    Half toward plus infinity. Differs from `torch.round` (half to even).

    Overflow
    --------
    Saturates.

    >>> quantize(torch.tensor([0.5, 1.5, -0.5, 99.0]), 4, 0, True).tolist()
    [1.0, 2.0, 0.0, 7.0]
    """
    smallest = -(1 << (width - 1)) if signed else 0
    largest = (1 << (width - int(signed))) - 1
    return _Round.apply(x, 2.0**fraction_bits, smallest, largest)


class _Round(torch.autograd.Function):
    """Rounding to `code / scale` whose gradient is 1 in range and 0 beyond."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, scale: float, smallest: int, largest: int) -> torch.Tensor:
        """Return the rounded values and note which were in range."""
        scaled = x * scale
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward((scaled >= smallest) & (scaled <= largest))
        return scaled.add_(0.5).floor_().clamp_(smallest, largest).div_(scale)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        """Let the gradient through where values were in range."""
        return gradient * ctx.saved_tensors[0], None, None, None


def weight_scale(
    largest: float, width: int, signed_digits: int | None = None, free: bool = False
) -> tuple[int, int]:
    """Return the scale `multiplier / 2**fraction_bits` of weights, the one that the compiler chooses, too.

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
    if width > MOST_BITS_WITH_FREE_SCALE:
        what = f"at most {MOST_BITS_WITH_FREE_SCALE} bits, not {width}"
        raise ValueError(f"weights with a free scale must have {what}")
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


def nearest_signed_digits(codes: torch.Tensor, digits: int, width: int) -> torch.Tensor:
    """Replace integers by the nearest ones that need few signed binary digits.

    A signed binary digit is ±2**n; 7 = 8 - 1 needs two. The digits a number needs are the nonzero
    ones of its canonical signed-digit form. An integer halfway between two candidates goes to the
    one of smaller magnitude, so negation commutes with the replacement. 0 stays 0 and, for
    `digits` of at least 1, nothing else becomes 0.

    Parameters
    ----------
    codes : float or int[...]
        Whole numbers of magnitude below `2**(width-1)`.
    digits : int
        Most digits a result may need; at least 1.
    width : int
        Width of the codes, sign included; results stay below `2**(width-1)` in magnitude.

    Returns
    -------
    Same shape and dtype.

    >>> nearest_signed_digits(torch.tensor([0, 7, 11, -11, 107, 127]), 2, 8).tolist()
    [0, 7, 10, -10, 112, 127]
    """
    if digits < 1:
        raise ValueError(f"digits must be at least 1, not {digits!r}")
    limit = (1 << (width - 1)) - 1
    allowed = [n for n in range(limit + 1) if _digit_count(n) <= digits]
    table = torch.tensor([min(allowed, key=lambda a, n=n: (abs(a - n), a)) for n in range(limit + 1)])
    magnitudes = table.to(codes.device)[codes.abs().long()]
    return torch.sign(codes) * magnitudes.to(codes.dtype)


def _digit_count(number: int) -> int:
    """Count the nonzero digits of a canonical signed-digit form: one for each run of `n ^ 3n`."""
    return (number ^ (3 * number)).bit_count()


def quantize_weight(
    weight: torch.Tensor, width: int, signed_digits: int | None = None, free_scale: bool = False
) -> torch.Tensor:
    """Round weights to `code * m / 2**f` with one scale a tensor; straight-through gradient.

    `m, f = weight_scale(max|weight|, width, signed_digits, free_scale)`, so that nothing saturates,
    and codes are symmetric. Zero stays zero. Rounding twice changes nothing: the result has the same
    scale.

    Parameters
    ----------
    weight : float32[...]
        Master weights.
    width : int
        Bits of a code, sign included; at most 12 with a free scale.
    signed_digits : int, optional
        If given, each code is replaced by :func:`nearest_signed_digits`.
    free_scale : bool
        Whether the unit of weights may be other than a power of two.

    Returns
    -------
    float32[...]
        Same shape; the gradient is that of the identity.

    Rounding
    --------
    Half toward plus infinity.

    >>> quantize_weight(torch.tensor([1.0, 0.26, 0.0]), 4).tolist()
    [1.0, 0.25, 0.0]
    """
    master = weight.detach()
    multiplier, fraction_bits = weight_scale(float(master.abs().max()), width, signed_digits, free_scale)
    # In float64, as the compiler does; by a tensor, since CUDA takes the reciprocal of a plain number.
    divisor = torch.tensor(multiplier, dtype=torch.float64, device=weight.device)
    codes = master.double().mul_(2.0**fraction_bits).div_(divisor).add_(0.5).floor_()
    if signed_digits is not None:
        codes = nearest_signed_digits(codes, signed_digits, width)
    values = codes.mul_(multiplier * 2.0**-fraction_bits).to(weight.dtype)
    return weight + (values - master)
