"""From the index of an active input to the addresses of its words."""

from functools import reduce
from operator import add

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, memory

from hdl.mac.words import WordTable
from hdl.memory.loadable import Loadable
from hdl.numerics import bits_for_range

__all__ = ["directory_layout", "directory_rows", "look_up", "times"]


def directory_layout(table: WordTable) -> data.StructLayout:
    """Return the layout of an input's entry: where its words start, and how many there are."""
    return data.StructLayout(
        {
            "start": bits_for_range(len(table.weight) or 1),
            "count": bits_for_range(int(table.count.max(initial=1)) + 1),
        }
    )


def directory_rows(table: WordTable) -> list[dict[str, int]]:
    """Return the entries of all inputs. An input without words has count 0."""
    last = max(len(table.weight) - 1, 0)
    return [
        {"start": min(int(start), last), "count": int(count)}
        for start, count in zip(table.start, table.count, strict=True)
    ]


def times(index: Value, factor: int) -> Value:
    """Return a product with a positive constant as a sum: tools would take a multiplier for it.

    >>> times(Signal(3), 5).shape()
    unsigned(6)
    """
    shifted = (index.shift_left(place) for place in range(factor.bit_length()) if factor >> place & 1)
    return reduce(add, shifted)


def look_up(m: Module, table: WordTable, index: Value, directory: Loadable | None = None) -> data.View:
    """Find the entry of `index` in the same cycle, by wiring where all inputs have as many words.

    `directory`, if given, is the memory that holds the entries.
    """
    entry = Signal(directory_layout(table))
    if directory is not None:
        m.d.comb += [directory.address.eq(index), entry.as_value().eq(directory.data)]
        return entry
    if table.words_per_input is not None:
        m.d.comb += [
            entry.start.eq(times(index, table.words_per_input)),
            entry.count.eq(table.words_per_input),
        ]
        return entry
    rows = directory_rows(table)
    depth = 1 << bits_for_range(max(2, len(rows)))
    m.submodules += (stored := memory.Memory(shape=directory_layout(table), depth=depth, init=rows))
    port = stored.read_port(domain="comb")
    m.d.comb += [port.addr.eq(index), entry.eq(port.data)]
    return entry
