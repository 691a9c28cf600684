"""Comparator networks that sort, or merge sorted lists, and keep only the best."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["SortingNetwork", "merging_network", "sorting_network"]

Comparator = tuple[int, int]


@dataclass(frozen=True)
class SortingNetwork:
    """Comparators that bring the largest keys to known wires.

    Parameters
    ----------
    size : int
        Wires, and keys.
    levels : tuple of tuple of (int, int)
        A comparator `(high, low)` leaves the larger of its two keys on wire `high`. Those of one level
        share no wire.
    outputs : tuple of int
        The wires that hold the best keys in the end, the largest first. The other wires hold nothing
        of meaning.
    """

    size: int
    levels: tuple[tuple[Comparator, ...], ...]
    outputs: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Comparators on the longest path."""
        return len(self.levels)

    @cached_property
    def live(self) -> tuple[tuple[int, ...], ...]:
        """The wires that are still needed after each level."""
        needed = set(self.outputs)
        after = []
        for level in reversed(self.levels):
            after.append(tuple(sorted(needed)))
            needed.update(wire for comparator in level for wire in comparator)
        return tuple(reversed(after))

    def apply(self, keys: np.ndarray) -> np.ndarray:
        """Return the best of int64[size, ...] along axis 0, the largest first."""
        wires = list(keys)
        for level in self.levels:
            for high, low in level:
                pair = wires[high], wires[low]
                wires[high], wires[low] = np.maximum(*pair), np.minimum(*pair)
        return np.array([wires[wire] for wire in self.outputs])


def sorting_network(size: int, best: int) -> SortingNetwork:
    """Return Batcher's odd-even merge sort of `size` keys, cut down to what the `best` largest need.

    >>> sorting_network(4, 1).levels
    (((0, 1), (2, 3)), ((0, 2),))

    References
    ----------
    K. E. Batcher, Sorting networks and their applications, AFIPS 1968.
    """
    comparators = []
    half = 1
    while half < size:
        for start in range(0, size, 2 * half):
            comparators += [(start + high, start + low) for high, low in _merge(half)]
        half *= 2
    return _reduce(comparators, list(range(size)), best)


def merging_network(first: int, second: int, best: int) -> SortingNetwork:
    """Return Batcher's odd-even merger of two sorted lists, cut down to what the `best` largest need.

    Wires `0` to `first - 1` take the first list, the wires after them the second; the largest first.

    >>> merging_network(2, 2, 2).levels
    (((0, 2), (1, 3)), ((1, 2),))
    """
    half = 1
    while half < max(first, second):
        half *= 2
    return _reduce(list(_merge(half)), [*range(first), *range(half, half + second)], best)


def _merge(half: int) -> Iterator[Comparator]:
    """Yield the comparators that merge wires `0 … half - 1` with `half … 2 × half - 1`."""
    yield from ((wire, wire + half) for wire in range(half))
    distance = half // 2
    while distance:
        for start in range(distance, 2 * half - distance, 2 * distance):
            yield from ((wire, wire + distance) for wire in range(start, start + distance))
        distance //= 2


def _reduce(comparators: list[Comparator], places: list[int], best: int) -> SortingNetwork:
    """Specialize a full network: keys enter only at `places`, and `best` of them are wanted."""
    # An empty place compares as smaller than any key, so a comparator with one is mere wiring.
    wire_at = {place: wire for wire, place in enumerate(places)}
    real = []
    for high, low in comparators:
        if low in wire_at:
            if high in wire_at:
                real.append((wire_at[high], wire_at[low]))
            else:
                wire_at[high] = wire_at.pop(low)
    outputs = tuple(wire_at[place] for place in range(best))
    return SortingNetwork(len(places), _levels(_influential(real, outputs)), outputs)


def _influential(comparators: list[Comparator], outputs: tuple[int, ...]) -> list[Comparator]:
    """Drop the comparators that no output depends on."""
    needed = set(outputs)
    kept = []
    for comparator in reversed(comparators):
        if needed.intersection(comparator):
            needed.update(comparator)
            kept.append(comparator)
    return kept[::-1]


def _levels(comparators: list[Comparator]) -> tuple[tuple[Comparator, ...], ...]:
    """Put each comparator into the first level in which both its wires are ready."""
    ready: dict[int, int] = {}
    levels: list[list[Comparator]] = []
    for high, low in comparators:
        level = max(ready.get(high, 0), ready.get(low, 0))
        if level == len(levels):
            levels.append([])
        levels[level].append((high, low))
        ready[high] = ready[low] = level + 1
    return tuple(tuple(level) for level in levels)
