"""Places of a queue that nothing under way to it has claimed."""

from amaranth.hdl import Module, Signal, Value

__all__ = ["count_credit"]


def count_credit(m: Module, places: int, claim: Value, free: Value) -> tuple[Signal, Signal]:
    """Count places: `claim`, allowed while there are some, takes one, and `free` gives one back.

    Returns
    -------
    (Signal, Signal)
        How many there are, and whether there are any: a register, since much waits for it.
    """
    credit = Signal(range(places + 1), init=places)
    some = Signal(init=1)
    m.d.sync += [credit.eq(credit - claim + free), some.eq(free | (credit > 1) | (some & ~claim))]
    return credit, some
