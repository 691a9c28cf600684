"""Other weights in the memories of a built array: as far as they have room."""

from dataclasses import replace

import numpy as np

from hdl.mac.fetch import directory_layout, directory_rows
from hdl.mac.words import WordTable
from hdl.memory.loading import Contents

__all__ = ["CapacityError", "check_time", "refill", "word_contents"]


class CapacityError(ValueError):
    """Weights do not fit what was built for others; the message says what is too small."""


def refill(built: WordTable, new: WordTable) -> WordTable:
    """Return the new weights in as many words as the built table has.

    Parameters
    ----------
    built : WordTable
        What the memories were made for.
    new : WordTable
        Of the same inputs, lanes, slots and widths.

    Raises
    ------
    CapacityError
        If an input has more words than the array can count, or all have more than there are.
    """
    uniform = built.words_per_input
    most, need = uniform or int(built.count.max(initial=0)), int(new.count.max(initial=0))
    if need > most:
        raise CapacityError(f"an input takes {need} words, and the array is built for {most}")
    if len(new.weight) > len(built.weight):
        raise CapacityError(f"{len(new.weight):,} words are needed, and there are {len(built.weight):,}")
    # Where all inputs have as many words, no directory says which are whose: each keeps its places.
    start = np.arange(new.inputs) * uniform if uniform else new.start
    weight, slot = np.zeros_like(built.weight), np.zeros_like(built.slot)
    owner = np.repeat(np.arange(new.inputs), new.count)
    place = start[owner] + np.arange(len(new.weight)) - new.start[owner]
    weight[place], slot[place] = new.weight, new.slot
    count = np.full_like(new.count, uniform) if uniform else new.count
    return replace(new, weight=weight, slot=slot, start=start, count=count)


def word_contents(
    built: WordTable, new: WordTable, suffix: str = "", *, registered: bool = True
) -> list[Contents]:
    """Return what the memories of a table's words, and of their directory if it has one, hold of another one.

    Raises CapacityError.
    """
    filled = refill(built, new)
    found = [Contents(f"words{suffix}", built.word_bits, filled.image)]
    if built.words_per_input is None:
        layout = directory_layout(built)
        rows = tuple(layout.const(row).as_bits() for row in directory_rows(filled))
        found.append(Contents(f"directory{suffix}", layout.size, rows, registered))
    return found


def check_time(what: str, need: int, built: int) -> None:
    """Raise CapacityError if an array would need more cycles for something than it is built for."""
    if need > built:
        raise CapacityError(f"{what} takes up to {need:,} cycles, and the array is built for {built:,}")
