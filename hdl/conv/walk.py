"""Walking through the winners of a window: from each of them to its words of weights, one a cycle."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from hdl.mac.columns import Column
from hdl.mac.fetch import look_up
from hdl.memory.loadable import Loadable

__all__ = ["walk"]


def walk(
    m: Module, column: Column, pairs: list[data.View], address: Value, issue: wiring.PureInterface,
    busy: Signal, finish: Signal, directory: Loadable | None,
) -> Value:  # fmt: skip
    """Walk through the winners of one column; return "this is the last cycle, or nothing is left".

    Parameters
    ----------
    column : Column
    pairs : list of views
        A value and a channel for each of the column's places.
    address : Value
        Of a word, set here.
    issue : interface of :class:`hdl.mac.lanes.Lanes`
        `valid` and `value` are set here.
    busy, finish : Signal
        There is a window; it is done with in this cycle.
    directory : Loadable, optional
        Where the words of each input lie, if that can be loaded.
    """
    table, end = column.table, len(pairs)
    place, word = Signal(range(end + 1), name="place"), Signal(range(int(table.count.max(initial=1)) + 1))
    pair = Signal(pairs[0].shape())
    final, active = Signal(), Signal()
    entry = look_up(m, table, _input(column, place, pair.index), directory)
    m.d.comb += [
        active.eq(busy & (place != end)),
        pair.as_value().eq(Array(one.as_value() for one in pairs)[place]),
        final.eq((word + 1 >= entry.count) | (pair.value == 0)),
        issue.valid.eq(active & (entry.count != 0)),
        address.eq(entry.start + word),
        issue.value.eq(pair.value),
    ]
    with m.If(active):
        m.d.sync += word.eq(Mux(final, 0, word + 1))
        with m.If(final):
            m.d.sync += place.eq(place + 1)
    with m.If(finish):
        m.d.sync += place.eq(0)
    return (place == end) | ((place == end - 1) & final)


def _input(column: Column, place: Signal, channel: Signal) -> Value:
    """Return the number that a tap's channel has as an input of the column's table."""
    if len(column.taps) == 1:
        return channel
    channels = column.tables[0].inputs
    if channels == 1 << len(channel):
        return Cat(channel, Array(tap for tap, _ in column.places)[place])
    return Array(tap * channels for tap, _ in column.places)[place] + channel
