"""When the beats of streams pass a component: what every config's `timing` says, in cycles."""

from typing import NamedTuple

import numpy as np

__all__ = ["Timing", "wait_in_order"]


class Timing(NamedTuple):
    """When a component takes its input beats and offers its output beats, the output being always ready.

    What every config's `timing(arrivals)` returns. `arrivals[n]` is the cycle in which input beat n, of one
    or several frames back to back, is first offered. Beats wait in order: one that comes before its turn
    counts as arriving at `max(arrival, previous accepted + 1)`. Cycles count from the component's first one
    in which it is ready.

    Where time depends on data and the config is not told the data, both arrays belong to the same worst
    input: no other has the last output beat of a frame offered later.

    Parameters
    ----------
    accepted : int64[n]
        The cycle in which input beat n is taken.
    offered : int64[m]
        The cycle in which output beat m is first offered.
    """

    accepted: np.ndarray
    offered: np.ndarray


def wait_in_order(arrivals: np.ndarray, interval: int = 1) -> np.ndarray:
    """Return the cycles in which beats are taken, each at least `interval` cycles after the one before.

    >>> wait_in_order(np.array([0, 0, 7, 7]), 2)
    array([0, 2, 7, 9])
    """
    earliest = interval * np.arange(len(arrivals))
    return np.maximum.accumulate(arrivals - earliest) + earliest
