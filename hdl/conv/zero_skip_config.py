"""What is known of a zero-skipping convolution before it is built: its columns, its time, its contents."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from hdl.mac.capacity import check_time, word_contents
from hdl.mac.columns import Column, share_columns
from hdl.mac.lanes_config import LanesConfig
from hdl.mac.readout_config import ReadoutConfig
from hdl.mac.words import WordTable
from hdl.memory.loading import Contents
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.timing import Timing

__all__ = ["ZeroSkipConvConfig"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ZeroSkipConvConfig:
    """A zero-skipping convolution array: columns of lanes that share the taps of the window.

    Parameters
    ----------
    source : WinnersFormat
        Of the image; the input port carries windows of its words.
    target : DenseFormat
        Of the accumulators. A beat's lanes are the lanes of the array, a pixel's groups its slots.
    tables : tuple of WordTable
        The weights of each tap; inputs are channels.
    bias : int64[filters]
        In accumulator units.
    window_cycles : int
        Cycles that a window may take; the more, the fewer columns. 0: the fewest with a column a tap.
    blocks : int
        Columns whose words lie in block RAM, however few they are; of those that cannot be loaded.
    loads : bool
        Whether weights and biases can be loaded.
    addressed : bool
        Whether finding a word's address has a cycle of its own: where wires are slow next to tables.
    late : bool
        Keep a window in the cycle after it was taken, so long it is left standing; or thousands of registers
        wait for what the last column is about to find out.
    """

    source: WinnersFormat
    target: DenseFormat
    tables: tuple[WordTable, ...]
    bias: np.ndarray = field(repr=False)
    window_cycles: int = 0
    blocks: int = 0
    loads: bool = False
    addressed: bool = False
    late: bool = False

    def __post_init__(self) -> None:
        lanes, slots = self.target.lanes, self.target.groups
        for table in self.tables:
            if (table.lanes, table.slots) != (lanes, slots):
                what = f"not {table.lanes} × {table.slots}"
                raise ValueError(f"tables must have {lanes} lanes × {slots} slots, {what}")

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """What each column of lanes walks through."""
        winners = self.source.at_most
        least = max(self.target.groups, *(table.cycles(winners) for table in self.tables))
        columns = share_columns(self.tables, winners, self.window_cycles or least)
        return (*(replace(one, memory="block") for one in columns[: self.blocks]), *columns[self.blocks :])

    @cached_property
    def worst_words(self) -> int:
        """Cycles in which the slowest column fetches the words of a window, at most."""
        return max(column.worst_words for column in self.columns)

    @property
    def cycles_per_window(self) -> int:
        """Cycles from a window to the next, at most: fetching overlaps with the readout before."""
        return max(self.worst_words, self.target.groups)

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames, at most."""
        return self.cycles_per_window * self.target.pixels

    @property
    def constant_time(self) -> bool:
        """Whether every window takes as long, whatever the data."""
        same = all(table.words_per_input == 1 for table in self.tables)
        return same or self.target.groups >= self.worst_words

    @property
    def multipliers(self) -> int:
        """Products a cycle."""
        return len(self.columns) * self.target.lanes

    @cached_property
    def lanes(self) -> LanesConfig:
        """The lanes of any column."""
        return LanesConfig.for_table(self.tables[0], self.source.form, self.target.form.width, banks=2)

    @cached_property
    def readout(self) -> ReadoutConfig:
        """The readout of all columns."""
        return ReadoutConfig(
            target=self.target, columns=len(self.columns), banks=self.lanes.banks,
            sum_bits=self.lanes.left_bits, bias=self.bias,
            lanes_latency=self.lanes.drain_latency + self.addressed, loads=self.loads,
        )  # fmt: skip

    def contents(
        self, tables: tuple[WordTable, ...] | None = None, bias: np.ndarray | None = None
    ) -> list[Contents]:
        """Return what its memories hold, in the order of the chain, with other weights and biases if given.

        Raises CapacityError if those do not fit, or would make windows take longer.
        """
        taps, found, slowest = tables or self.tables, [], 0
        for number, column in enumerate(self.columns):
            new = replace(column, tables=tuple(taps[tap] for tap in column.taps))
            found += word_contents(column.table, new.table, str(number), registered=False)
            slowest = max(slowest, new.worst_words)
        check_time("a window", slowest, self.worst_words)
        return [*found, self.readout.contents(self.bias if bias is None else bias)]

    @property
    def latency(self) -> int:
        """Cycles from the last word's fetch to the first sums being offered."""
        return 1 + self.readout.latency

    def cycles(self, channel: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the cycles of each window of pairs, int64[windows, taps, at_most] each."""
        words = []
        for column in self.columns:
            cost = np.zeros(len(channel), dtype=np.int64)
            for tap, rank in column.places:
                count = column.tables[tap].count[channel[:, column.taps[tap], rank]]
                cost += np.where(value[:, column.taps[tap], rank] != 0, np.maximum(count, 1), 1)
            words.append(cost)
        return np.max(words, axis=0)

    def timing(self, arrivals: np.ndarray, cycles: np.ndarray | None = None) -> Timing:
        """Return when windows and beats of sums pass.

        `cycles` are those of each window; by default the most that any can take.
        """
        cycles = np.full(len(arrivals), self.worst_words) if cycles is None else cycles
        groups = self.target.groups
        finish, accepted, finished = -groups, [], []
        for arrival, busy in zip(arrivals.tolist(), cycles.tolist(), strict=True):
            # A window is taken when the one before finishes, and finishes when the readout is free.
            accepted.append(max(arrival, finish, (accepted or [-1])[-1] + 1))
            finish = max(accepted[-1] + busy, finish + groups)
            finished.append(finish)
        offered = np.add.outer(np.array(finished, dtype=np.int64) + self.latency, np.arange(groups))
        return Timing(np.array(accepted), offered.reshape(-1))
