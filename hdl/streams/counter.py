"""Counters that go round, one inside another: groups of a pixel, pixels of a row, rows of a frame."""

from amaranth.hdl import Module, Mux, Signal, Value

from hdl.numerics import bits_for_range

__all__ = ["count_rounds"]


def count_rounds(m: Module, size: int, step: Value, restart: Value | int = 0) -> tuple[Signal, Value]:
    """Count `step` from 0 to `size - 1`, and round again.

    Returns
    -------
    (Signal, Value)
        The count, and whether this step ends a round: the step of the next counter out. A step with
        `restart` goes back to 0 without ending a round.
    """
    number = Signal(bits_for_range(size))
    final = number == size - 1
    with m.If(step):
        m.d.sync += number.eq(Mux(final | restart, 0, number + 1))
    return number, step & final
