"""The integer arithmetic that hardware, executor and PyTorch must share, bit for bit.

Everything here is exact: int64 in, int64 out, no float in between. `docs/reference/numerics.md`
states the same rules in words.
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "FixedPoint",
    "bits_for_range",
    "global_winners",
    "local_winners",
    "max_pool",
    "quantize",
    "requantize",
    "signed_bits",
]


@dataclass(frozen=True)
class FixedPoint:
    """An integer of `width` bits that stands for `integer × multiplier / 2**fraction_bits`.

    The zero point is always 0, so that "inactive" is the number 0. `fraction_bits` may be
    negative or exceed `width`. `multiplier` is 1 but for weights and accumulators of a layer with a
    free scale; it is odd, so that there is one way to write a format.
    """

    width: int
    fraction_bits: int
    signed: bool
    multiplier: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 62:
            raise ValueError(f"width must be from 1 to 62, not {self.width!r}")
        if not (1 <= self.multiplier < 1 << 16 and self.multiplier % 2):
            raise ValueError(f"multiplier must be odd and from 1 to 65535, not {self.multiplier!r}")

    @property
    def minimum(self) -> int:
        """Smallest representable integer."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest representable integer."""
        return (1 << (self.width - int(self.signed))) - 1

    @property
    def scale(self) -> float:
        """Real value of one unit."""
        return self.multiplier * 2.0**-self.fraction_bits

    def __str__(self) -> str:
        times = f"·{self.multiplier}" if self.multiplier != 1 else ""
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction_bits}{times}"


def signed_bits(minimum: int, maximum: int) -> int:
    """Return the width of the smallest two's complement number that holds a range.

    >>> signed_bits(-128, 127), signed_bits(0, 128), signed_bits(0, 0)
    (8, 9, 1)
    """
    return 1 + max((-minimum - 1).bit_length() if minimum < 0 else 0, max(maximum, 0).bit_length())


def bits_for_range(count: int) -> int:
    """Return the bits that number `count` things from 0; at least 1.

    >>> bits_for_range(1), bits_for_range(64), bits_for_range(65)
    (1, 6, 7)
    """
    return max(1, (count - 1).bit_length())


def quantize(values: np.ndarray, form: FixedPoint) -> np.ndarray:
    """Turn real numbers into integers of a format; the only way floats become integers.

    Parameters
    ----------
    values : float[...]
        Real values. Any shape. Must be finite.
    form : FixedPoint
        Target format.

    Returns
    -------
    int64[...]
        Same shape, within the format.

    Rounding
    --------
    Half toward plus infinity. Unlike `numpy.round` (half to even).

    Overflow
    --------
    Saturates.

    >>> quantize(np.array([0.5, 1.5, -0.5, 99.0]), FixedPoint(4, 0, True))
    array([1, 2, 0, 7])
    """
    with np.errstate(over="ignore"):  # beyond all numbers is beyond the format, too
        units = np.ldexp(np.asarray(values, dtype=np.float64), form.fraction_bits) / form.multiplier
        scaled = np.floor(units + 0.5)
    return np.clip(scaled, form.minimum, form.maximum).astype(np.int64)


def requantize(acc: np.ndarray, *, multiplier: np.ndarray | int, shift: int, form: FixedPoint) -> np.ndarray:
    """Scale integers by `multiplier / 2**shift` into a format.

    Parameters
    ----------
    acc : int64[...]
        Accumulators; unit: input scale × weight scale.
    multiplier : int or int64[...]
        Positive; broadcast against `acc`.
    shift : int
        At least 0.
    form : FixedPoint
        Target format. An unsigned one clamps negatives to 0, which is a ReLU.

    Returns
    -------
    int64[...]

    Rounding
    --------
    Half toward plus infinity: -2.5 becomes -2. `numpy.round` and `torch.round` differ (half to even).

    Overflow
    --------
    Saturates. Exact while `|acc × multiplier| + 2**(shift-1) < 2**63`; callers guarantee it.

    >>> requantize(np.array([10, -10, 1000]), multiplier=1, shift=2, form=FixedPoint(8, 0, True))
    array([  3,  -2, 127])
    """
    half = (1 << shift) >> 1
    scaled = (np.asarray(acc, dtype=np.int64) * multiplier + half) >> shift
    return np.clip(scaled, form.minimum, form.maximum)


def max_pool(values: np.ndarray, kernel: tuple[int, int]) -> np.ndarray:
    """Take the maximum of non-overlapping windows; a remainder at the edge is dropped.

    Parameters
    ----------
    values : int64[batch, channels, height, width]
    kernel : (int, int)
        Window height and width, and the stride.

    Returns
    -------
    int64[batch, channels, height // kernel[0], width // kernel[1]]
    """
    batch, channels, height, width = values.shape
    rows, columns = height // kernel[0], width // kernel[1]
    cropped = values[:, :, : rows * kernel[0], : columns * kernel[1]]
    return cropped.reshape(batch, channels, rows, kernel[0], columns, kernel[1]).max(axis=(3, 5))


def _keep_largest(values: np.ndarray, k: int) -> np.ndarray:
    """Zero all but the k largest along axis 1; ties go to the lowest index."""
    if k >= values.shape[1]:
        return values.copy()
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    kept = np.zeros_like(values)
    np.put_along_axis(kept, order, np.take_along_axis(values, order, axis=1), axis=1)
    return kept


def local_winners(values: np.ndarray, k: int) -> np.ndarray:
    """Keep the k largest channels at each pixel and zero the rest (local k-WTA).

    Parameters
    ----------
    values : int64[batch, channels, height, width]
    k : int
        Winners a pixel; at most that many are nonzero afterwards.

    Returns
    -------
    int64[batch, channels, height, width]

    Ties go to the lowest channel. A winner whose value is 0 is no winner: it leaves no trace.

    >>> local_winners(np.array([[3, 5, 5, 5]]).reshape(1, 4, 1, 1), 2).ravel()
    array([0, 5, 5, 0])
    """
    return _keep_largest(values, k)


def global_winners(values: np.ndarray, k: int) -> np.ndarray:
    """Keep the k largest elements of each tensor and zero the rest (global k-WTA).

    Parameters
    ----------
    values : int64[batch, channels, height, width]
    k : int
        Winners a tensor; at most that many are nonzero afterwards.

    Returns
    -------
    int64[batch, channels, height, width]

    Ties go to the lowest index of the tensor flattened as (channels, height, width).
    """
    return _keep_largest(values.reshape(len(values), -1), k).reshape(values.shape)
