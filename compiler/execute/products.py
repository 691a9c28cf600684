"""Matrix products and convolutions of float and of integer arrays; the integer ones are exact."""

import numpy as np

from compiler.ir.float_ops import Padding

__all__ = ["convolve", "multiply"]


def multiply(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return `rows @ matrix.T`, exactly if the arrays are int64.

    Parameters
    ----------
    rows : float64[n, inputs] or int64[n, inputs]
    matrix : float64[outputs, inputs] or int64[outputs, inputs]

    Returns
    -------
    float64[n, outputs] or int64[n, outputs]

    Integers go through floating-point BLAS where no partial sum can leave the range in which floats
    are exact; otherwise through int64. The bound comes from the numbers at hand.

    Overflow
    --------
    None while the largest `Σ|product|` is below 2**63; a verified graph guarantees it.

    >>> multiply(np.array([[1, 2**40]]), np.array([[1, 2**20]]))
    array([[1152921504606846977]])
    """
    exact = _exact_type(rows, matrix)
    return (rows.astype(exact) @ matrix.T.astype(exact)).astype(rows.dtype, copy=False)


def _exact_type(numbers: np.ndarray, matrix: np.ndarray) -> np.dtype:
    """Return in which type rows of such numbers are multiplied with a matrix: the smallest that is exact."""
    if numbers.dtype != np.int64:
        return numbers.dtype
    largest = int(np.abs(numbers).max(initial=0)) * int(np.abs(matrix).sum(axis=1).max(initial=0))
    return np.dtype(np.float32 if largest < 1 << 24 else np.float64 if largest < 1 << 53 else np.int64)


def convolve(frames: np.ndarray, weight: np.ndarray, padding: Padding) -> np.ndarray:
    """Correlate with stride 1, exactly if the arrays are int64.

    Parameters
    ----------
    frames : float64 or int64[batch, channels, height, width]
    weight : float64 or int64[filters, channels, rows, columns]
    padding : (top, bottom, left, right)

    Returns
    -------
    float64 or int64[batch, filters, height', width']
    """
    top, bottom, left, right = padding
    matrix = weight.reshape(len(weight), -1)
    exact = _exact_type(frames, matrix)  # of frames: their windows are many times as many numbers
    padded = np.pad(frames.astype(exact), ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))
    batch, _, height, width = windows.shape[:4]
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(batch * height * width, -1)
    product = (rows @ matrix.T.astype(exact)).astype(frames.dtype, copy=False)
    return product.reshape(batch, height, width, len(weight)).transpose(0, 3, 1, 2)
