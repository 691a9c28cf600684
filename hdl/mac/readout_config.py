"""What is known of a readout before it is built: latencies, room, and what its memory of biases holds."""

from dataclasses import dataclass, field

import numpy as np

from hdl.memory.loading import Contents
from hdl.streams.formats import DenseFormat

__all__ = ["ReadoutConfig"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadoutConfig:
    """Readout of one array.

    Parameters
    ----------
    target : DenseFormat
        What comes out; a pixel's groups are the slots.
    columns : int
        Arrays of lanes that are added.
    banks : int
        Of the lanes; with 2, whose accumulators run on, what they held before is taken off their sums.
    sum_bits : int
        Signed width of what a column gives: sums; of a single slot with two banks, products.
    bias : int64[channels]
        In accumulator units.
    lanes_latency : int
        Cycles from a drain command to the columns' sums.
    loads : bool
        Whether the biases can be loaded.
    rests : bool
        Whether a bias rests in a register behind its memory, as block RAM has one: where that may lie far
        from the adders. With one bank only.
    """

    target: DenseFormat
    columns: int
    banks: int
    sum_bits: int
    bias: np.ndarray = field(repr=False)
    lanes_latency: int
    loads: bool = False
    rests: bool = False

    def __post_init__(self) -> None:
        if self.rests and self.banks == 2:
            raise ValueError("biases rest only where there is one bank")

    @property
    def bias_latency(self) -> int:
        """Cycles from a slot to its biases."""
        return 1 + self.rests

    @property
    def slots(self) -> int:
        """Beats a position."""
        return self.target.groups

    @property
    def leaves(self) -> int:
        """Terms of the adder tree: the columns, and with one bank the bias unless it is zero everywhere."""
        return self.columns + int(self.banks == 1 and (self.loads or bool(np.any(self.bias))))

    @property
    def tree_latency(self) -> int:
        """Levels of the adder tree, a register behind each."""
        return (self.leaves - 1).bit_length()

    @property
    def accumulates(self) -> bool:
        """Whether what the columns give are products, to be accumulated behind the adder tree."""
        return self.banks == 2 and self.slots == 1

    @property
    def queue_depth(self) -> int:
        """Beats that can wait: with what is under way, enough for a slot a cycle."""
        return self.latency + 2 + self.accumulates

    @property
    def latency(self) -> int:
        """Cycles from a drain command to the sums being offered."""
        return self.lanes_latency + self.tree_latency + self.banks

    def rows(self, bias: np.ndarray) -> list[list[int]]:
        """Return the biases of each slot's lanes."""
        lanes, order = self.target.lanes, self.target.order
        held = [int(bias[c]) if c >= 0 else 0 for c in order]
        return [held[row : row + lanes] for row in range(0, len(held), lanes)]

    def contents(self, bias: np.ndarray) -> Contents:
        """Return biases as the memory of them holds them: a word a slot."""
        lanes, width = self.target.lanes, self.target.form.width
        words = tuple(
            sum(value % (1 << width) << width * lane for lane, value in enumerate(row))
            for row in self.rows(bias)
        )
        return Contents("bias", lanes * width, words, registered=not self.accumulates)

    @property
    def priming_cycles(self) -> int:
        """Cycles after a reset in which nothing may be issued."""
        return self.banks * self.slots
