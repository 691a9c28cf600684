"""Real numbers to integers and back, as the hardware does it: half up, saturating, powers of two."""

import math

import torch

__all__ = ["nearest_signed_digits", "quantize", "quantize_weight", "weight_fraction_bits"]


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


def weight_fraction_bits(largest: float, width: int) -> int:
    """Return the most fraction bits with which a weight of magnitude `largest` fits.

    Weights are symmetric: they reach ±(2**(width-1) - 1); the most negative code stays unused.
    Rounding is half up, as in :func:`quantize`. A tensor of zeros gets `width - 1`.

    >>> weight_fraction_bits(1.0, 8), weight_fraction_bits(0.99, 8), weight_fraction_bits(127.4, 8)
    (6, 7, 0)
    """
    if largest == 0:
        return width - 1
    limit = (1 << (width - 1)) - 1
    bits = width - 1 - math.floor(math.log2(largest))
    while math.floor(largest * 2.0**bits + 0.5) > limit or math.floor(0.5 - largest * 2.0**bits) < -limit:
        bits -= 1
    return bits


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


def quantize_weight(weight: torch.Tensor, width: int, signed_digits: int | None = None) -> torch.Tensor:
    """Round weights to `code / 2**f` with one power-of-two scale a tensor; straight-through gradient.

    `f = weight_fraction_bits(max|weight|, width)`, so that nothing saturates, and codes are
    symmetric. Zero stays zero. Rounding twice changes nothing: the result has the same `f`.

    Parameters
    ----------
    weight : float[...]
        Master weights.
    width : int
        Bits of a code, sign included.
    signed_digits : int, optional
        If given, each code is replaced by :func:`nearest_signed_digits`.

    Returns
    -------
    float[...]
        Same shape; the gradient is that of the identity.

    Rounding
    --------
    Half toward plus infinity.

    >>> quantize_weight(torch.tensor([1.0, 0.26, 0.0]), 4).tolist()
    [1.0, 0.25, 0.0]
    """
    scale = 2.0 ** weight_fraction_bits(float(weight.detach().abs().max()), width)
    codes = torch.floor(weight.detach() * scale + 0.5)
    if signed_digits is not None:
        codes = nearest_signed_digits(codes, signed_digits, width)
    return weight + (codes / scale - weight).detach()
