"""Compare two executions layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Difference", "first_difference"]


@dataclass(frozen=True)
class Difference:
    """The first number in which two executions differ, and where it stands."""

    layer: str
    frame: int
    channel: int
    y: int
    x: int
    expected: int | float
    actual: int | float
    count: int
    """How many numbers of that layer differ."""

    def __str__(self) -> str:
        return (
            f"{self.layer}: frame {self.frame}, channel {self.channel}, y {self.y}, x {self.x}: "
            f"expected {self.expected}, got {self.actual} ({self.count} differ)"
        )


def first_difference(
    expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
) -> Difference | None:
    """Return where two executions first differ, in the order of `expected`; None if they agree.

    Parameters
    ----------
    expected, actual : name → array[batch, channels, height, width]
        As :func:`compiler.execute.execute` returns them. Layers in only one of the two are passed over.

    Raises
    ------
    ValueError
        If no layer is in both, or a layer has two shapes.

    >>> a = {"conv1": np.zeros((1, 2, 1, 1), np.int64)}
    >>> b = {"conv1": np.array([0, 7]).reshape(1, 2, 1, 1)}
    >>> print(first_difference(a, b))
    conv1: frame 0, channel 1, y 0, x 0: expected 0, got 7 (1 differ)
    """
    shared = [name for name in expected if name in actual]
    if not shared:
        raise ValueError("the two executions must have a layer in common")
    for name in shared:
        left, right = expected[name], actual[name]
        if left.shape != right.shape:
            raise ValueError(f"{name}: shapes must agree, not {left.shape} and {right.shape}")
        unlike = left != right
        if unlike.any():
            index = tuple(map(int, np.argwhere(unlike)[0]))
            return Difference(name, *index, left[index].item(), right[index].item(), int(unlike.sum()))
    return None
