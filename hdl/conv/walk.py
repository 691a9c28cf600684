"""Walking through the winners of a window: from each of them to its words of weights, one a cycle."""

from dataclasses import dataclass

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data

from hdl.mac.columns import Column
from hdl.mac.fetch import look_up
from hdl.memory.loadable import Loadable

__all__ = ["Walk", "walk"]


@dataclass(frozen=True)
class Walk:
    """Where the walk through one column stands.

    Parameters
    ----------
    valid, address, value : Value
        Whether a word is due, where it lies, and the activation that it is multiplied with.
    done : Value
        This is the last cycle, or nothing is left.
    """

    valid: Value
    address: Value
    value: Value
    done: Value


def walk(
    m: Module, column: Column, pairs: list[data.View], coming: list[data.View],
    accept: Value, late: bool, directory: Loadable | None,
) -> Walk:  # fmt: skip
    """Walk through the winners of one column.

    The winner in work stands in a register: choosing it out of many has a cycle of its own.

    Parameters
    ----------
    column : Column
    pairs, coming : list of views
        A value and a channel for each of the column's places: of the window in work, and of what is offered.
    accept : Value
        What is offered is the window in work from the next cycle on; all columns must be done.
    late : bool
        In that cycle it is not in `pairs` yet but still offered.
    directory : Loadable, optional
        Where the words of each input lie, if that can be loaded.
    """
    table, end = column.table, len(pairs)
    place, word = Signal(range(end), name="place"), Signal(range(int(table.count.max(initial=1)) + 1))
    pair, empty = Signal(pairs[0].shape(), reset_less=True), Signal(reset_less=True)
    # Nothing is left; the pair in work is the last of its window.
    over, last = Signal(init=1), Signal()
    final, done = Signal(), Signal()
    entry = look_up(m, table, _input(column, place, pair.index), directory)
    following = Array(one.as_value() for one in [*pairs[1:], pairs[-1]])[place]
    if late and end > 1:
        # A register a column: one for all would have too many to tell.
        fresh = Signal()
        m.d.sync += fresh.eq(done & accept)
        following = Mux(fresh, coming[1].as_value(), following)
    # Whatever is offered is looked at until it is accepted.
    chosen = pairs[0].shape()(Mux(done, coming[0].as_value(), following))
    m.d.comb += [
        final.eq((word + 1 >= entry.count) | empty),
        done.eq(over | (last & final)),
    ]
    m.d.sync += [over.eq(done & ~accept), word.eq(word + 1)]
    with m.If(over | final):
        m.d.sync += [
            word.eq(0), place.eq(Mux(done, 0, place + 1)), last.eq(Mux(done, end == 1, place == end - 2)),
            pair.eq(chosen), empty.eq(chosen.value == 0),
        ]  # fmt: skip
    valid = ~over & (entry.count != 0)
    return Walk(valid=valid, address=entry.start + word, value=pair.value, done=done)


def _input(column: Column, place: Signal, channel: Signal) -> Value:
    """Return the number that a tap's channel has as an input of the column's table."""
    if len(column.taps) == 1:
        return channel
    channels = column.tables[0].inputs
    if channels == 1 << len(channel):
        return Cat(channel, Array(tap for tap, _ in column.places)[place])
    return Array(tap * channels for tap, _ in column.places)[place] + channel
