"""Filters of adjacent positions, as filters of one window that is wide enough for all of them."""

import numpy as np

__all__ = ["side_by_side"]


def side_by_side(weight: np.ndarray, columns: int) -> np.ndarray:
    """Place every filter at adjacent columns of a window that is wide enough for all.

    Parameters
    ----------
    weight : int64[filters, channels, kernel rows, kernel columns]
    columns : int

    Returns
    -------
    int64[columns × filters, channels, kernel rows × (kernel columns + columns - 1)]
        All filters at the first column, then at the next.
    """
    filters, channels, rows, across = weight.shape
    wide = np.zeros((columns, filters, channels, rows, across + columns - 1), dtype=np.int64)
    for column in range(columns):
        wide[column, ..., column : column + across] = weight
    return wide.reshape(columns * filters, channels, -1)
