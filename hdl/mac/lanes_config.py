"""One column of lanes: how many, how wide, how late."""

from dataclasses import dataclass

from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hdl.mac.words import WordTable
from hdl.numerics import FixedPoint, bits_for_range

__all__ = ["DEEP", "FAR", "LEGS", "LanesConfig", "drain_signature"]

DEEP = 64
"""More accumulators of a lane than that are too many to choose one and add to it within a cycle."""

FAR = 512
"""More words than that lie in several blocks of memory, which are slow by themselves."""

LEGS = 2
"""Cycles that an address has to get to such blocks, and a word to come back: they lie all over a chip."""


@dataclass(frozen=True, kw_only=True)
class LanesConfig:
    """One column of lanes; columns whose weights alone differ have equal configurations.

    Parameters
    ----------
    lanes : int
        Products a cycle.
    slots : int
        Accumulators of a lane.
    banks : int
        1: draining an accumulator clears it. 2: one bank drains while the other accumulates, and
        accumulators run on: what a slot gained since it was drained before is its sum. Of a single slot that
        runs on, lanes hold none: products go on to one accumulator for all columns.
    weight_bits, slot_bits : int
        Of a lane's part of a word: the weight below, the slot above; no bits name a single slot.
    form : FixedPoint
        Of the activations.
    sum_bits : int
        Signed width of an accumulator; callers prove that no sum leaves it. Two banks count modulo
        its range.
    words : int
        That there are to fetch.
    paired : bool
        Two neighboring lanes share a multiplier, fed with words of a paired table.
    """

    lanes: int
    slots: int
    banks: int
    weight_bits: int
    slot_bits: int
    form: FixedPoint
    sum_bits: int
    words: int = 0
    paired: bool = False

    def __post_init__(self) -> None:
        if self.banks not in (1, 2):
            raise ValueError(f"banks must be 1 or 2, not {self.banks!r}")
        if self.sum_bits < 1:
            raise ValueError(f"sum_bits must be a positive integer, not {self.sum_bits!r}")

    @classmethod
    def for_table(cls, table: WordTable, form: FixedPoint, sum_bits: int, banks: int) -> "LanesConfig":
        """Return the lanes that a table of words feeds."""
        return cls(
            lanes=table.lanes,
            slots=table.slots,
            banks=banks,
            weight_bits=table.weight_bits,
            slot_bits=table.slot_bits,
            form=form,
            sum_bits=sum_bits,
            words=len(table.weight),
            paired=table.paired,
        )

    @property
    def lane_bits(self) -> int:
        """Bits of a lane's part of a word."""
        return self.weight_bits + self.slot_bits

    @property
    def multipliers(self) -> int:
        """Multipliers of the chip: two paired lanes share one."""
        return -(-self.lanes // (1 + self.paired))

    @property
    def product_bits(self) -> int:
        """Signed width of a product."""
        return self.weight_bits + self.form.width

    @property
    def accumulates(self) -> bool:
        """Whether lanes hold sums; else what leaves them are products."""
        return self.banks == 1 or self.slots > 1

    @property
    def left_bits(self) -> int:
        """Signed width of what leaves a lane."""
        return self.sum_bits if self.accumulates else min(self.sum_bits, self.product_bits)

    @property
    def deep(self) -> bool:
        """Whether an accumulator is read in one cycle and added to in the next."""
        return self.banks == 1 and self.slots > DEEP

    @property
    def legs(self) -> int:
        """Cycles for an address to get to the memory of the words, and as many for a word to come back."""
        return LEGS if self.banks == 1 and self.words > FAR else 0

    @property
    def last_legs(self) -> int:
        """Of the cycles back, those behind the first, which is the memory's own."""
        return max(0, self.legs - 1)

    @property
    def fetch_latency(self) -> int:
        """Cycles from an issued word's address to its being at the lanes, the first leg back behind it."""
        return 1 + self.legs + bool(self.legs)

    @property
    def issue_latency(self) -> int:
        """Cycles from an issued word's address to the accumulator's update."""
        return 2 + self.fetch_latency + self.deep + self.last_legs

    @property
    def drain_latency(self) -> int:
        """Cycles from a drained slot to its sums."""
        return self.issue_latency + 1


def drain_signature(slots: int) -> wiring.Signature:
    """Return the command that reads one slot of all lanes of a bank."""
    return wiring.Signature({"valid": Out(1), "bank": Out(1), "slot": Out(bits_for_range(slots))})
