"""Which column of lanes serves which winners: taps share columns where a window leaves time for more."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hdl.mac.words import WordTable

__all__ = ["Column", "share_columns"]


@dataclass(frozen=True, eq=False)
class Column:
    """The winners that one column of lanes walks through, and the weights that it needs for them.

    Parameters
    ----------
    tables : tuple of WordTable
        The weights of its taps; inputs are channels.
    taps : tuple of int
        The tap of each of them.
    places : tuple of (int, int)
        What is walked through: a position in `taps`, and which of that tap's winners.
    memory : str
        What holds the words, one of `hdl.resources.MEMORIES`.
    """

    tables: tuple[WordTable, ...]
    taps: tuple[int, ...]
    places: tuple[tuple[int, int], ...]
    memory: str = "auto"

    @cached_property
    def table(self) -> WordTable:
        """The weights of all its taps; channel c of the tap at position t is input `t × channels + c`."""
        first = self.tables[0]
        offset = np.cumsum([0, *(len(table.weight) for table in self.tables)])
        return WordTable(
            weight=np.concatenate([table.weight for table in self.tables]),
            slot=np.concatenate([table.slot for table in self.tables]),
            start=np.concatenate([t.start + o for t, o in zip(self.tables, offset, strict=False)]),
            count=np.concatenate([table.count for table in self.tables]),
            slots=first.slots,
            weight_bits=first.weight_bits,
            paired=first.paired,
            memory=self.memory,
        )

    @property
    def worst_words(self) -> int:
        """Cycles in which it fetches the words of a window, at most."""
        counts = np.bincount([tap for tap, _ in self.places], minlength=len(self.taps))
        return sum(table.cycles(int(n)) for table, n in zip(self.tables, counts, strict=True))


def share_columns(tables: tuple[WordTable, ...], winners: int, cycles: int) -> tuple[Column, ...]:
    """Give every winner of every tap to a column, so that no column can take longer than a window may.

    Parameters
    ----------
    tables : tuple of WordTable
        The weights of each tap.
    winners : int
        Winners a tap has, at most.
    cycles : int
        Cycles a window may take; at least as many as any one winner does.

    Returns
    -------
    tuple of Column
        As few as filling one after the other gives.
    """
    columns: list[list[tuple[int, int]]] = [[]]
    room = cycles
    for tap, table in enumerate(tables):
        # What a column's first, second … winner of this tap adds to its words at most.
        worst, here = np.sort(np.maximum(table.count, 1))[::-1].tolist(), 0
        for rank in range(winners):
            words = worst[here] if here < len(worst) else 0
            if columns[-1] and words > room:
                columns.append([])
                words, room, here = worst[0], cycles, 0
            columns[-1].append((tap, rank))
            room, here = room - words, here + 1
    return tuple(_column(tables, held) for held in columns)


def _column(tables: tuple[WordTable, ...], held: list[tuple[int, int]]) -> Column:
    taps = tuple(dict.fromkeys(tap for tap, _ in held))
    places = tuple((taps.index(tap), rank) for tap, rank in held)
    return Column(tuple(tables[tap] for tap in taps), taps, places)
