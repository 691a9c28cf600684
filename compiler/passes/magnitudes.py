"""Which magnitudes the numbers of a network may have: those of float32, in which networks are trained."""

import numpy as np

from compiler.errors import Problem, UnsupportedModel

__all__ = ["check_magnitude"]

SMALLEST, LARGEST = 2.0**-126, 2.0**128


def check_magnitude(where: str, what: str, values: np.ndarray) -> None:
    """Refuse numbers whose largest magnitude is beyond float32; zeros alone are fine.

    Only the largest counts: next to it a tiny number is as good as zero.

    Parameters
    ----------
    where : str
        Names the layer.
    what : str
        Says whose magnitude it is, such as "its largest weight".
    values : float64[...]

    Raises
    ------
    UnsupportedModel
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0 or SMALLEST <= largest <= LARGEST:
        return
    limits = f"from {SMALLEST:.2g} to {LARGEST:.2g}, as float32 holds it, or 0"
    remedy = "train with numbers of moderate size"
    raise UnsupportedModel(Problem(where, f"{what} must be {limits}, not {largest:.3g}", remedy))
