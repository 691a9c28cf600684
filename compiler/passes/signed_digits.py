"""Integers that need few signed binary digits, so that a constant product needs few adders."""

import numpy as np

__all__ = ["nearest_signed_digits"]


def nearest_signed_digits(codes: np.ndarray, digits: int, width: int) -> np.ndarray:
    """Replace integers by the nearest ones that need few signed binary digits.

    A signed binary digit is ±2**n; 7 = 8 - 1 needs two. The digits a number needs are the nonzero
    ones of its canonical signed-digit form.

    Parameters
    ----------
    codes : int64[...]
        Magnitudes below `2**(width-1)`.
    digits : int
        Most digits a result may need; at least 1.
    width : int
        Width of the codes, sign included; results stay below `2**(width-1)` in magnitude.

    Returns
    -------
    int64[...]

    Rounding
    --------
    To the nearest; an integer halfway between two candidates goes to the one of smaller magnitude,
    so negation commutes with the replacement. Only 0 becomes 0. `compiler.nn` trains by this rule.

    >>> nearest_signed_digits(np.array([0, 7, 11, -11, 107, 127]), 2, 8)
    array([  0,   7,  10, -10, 112, 127])
    """
    if digits < 1:
        raise ValueError(f"digits must be at least 1, not {digits!r}")
    numbers = range(1 << (width - 1))
    allowed = np.array([n for n in numbers if (n ^ (3 * n)).bit_count() <= digits])
    magnitudes = np.abs(codes)
    above = np.minimum(np.searchsorted(allowed, magnitudes), len(allowed) - 1)
    below = np.maximum(np.searchsorted(allowed, magnitudes, side="right") - 1, 0)
    smaller_is_near = magnitudes - allowed[below] <= np.abs(allowed[above] - magnitudes)
    nearest = np.where(smaller_is_near, allowed[below], allowed[above])
    return np.sign(codes) * nearest
