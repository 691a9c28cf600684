"""Sparse weights as words: what a zero-skipping array stores and fetches by the index of an input."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hdl.memory.rom import RomConfig
from hdl.numerics import bits_for_range

__all__ = ["WordTable", "pack_taps", "pack_words"]


@dataclass(frozen=True, eq=False)
class WordTable:
    """The nonzero weights of one column, input by input.

    A word holds, for each lane, a weight and the slot (the output within the lane) that it belongs to.
    An input has as many words as its fullest lane has nonzeros: two nonzeros that meet in a lane cost a
    word, never correctness. Vacant places carry weight 0 and slot 0.

    Parameters
    ----------
    weight, slot : int64[words, lanes]
    start, count : int64[inputs]
        Input i owns words `start[i]` to `start[i] + count[i] - 1`.
    slots : int
        Outputs a lane.
    weight_bits : int
        Signed width of a weight.
    paired : bool
        Lanes 2n and 2n + 1 share a multiplier: in the image the weight of the upper is less by one where
        that of the lower is negative. No weight is then the least of its width.
    memory : str
        What holds the words, one of `hdl.resources.MEMORIES`.
    """

    weight: np.ndarray
    slot: np.ndarray
    start: np.ndarray
    count: np.ndarray
    slots: int
    weight_bits: int
    paired: bool = False
    memory: str = "auto"

    def __post_init__(self) -> None:
        least = -1 << (self.weight_bits - 1)
        if self.paired and (self.weight == least).any():
            raise ValueError(f"weights of paired lanes must be above {least}")

    @property
    def lanes(self) -> int:
        """Products a cycle."""
        return self.weight.shape[1]

    @property
    def inputs(self) -> int:
        """Inputs with an index."""
        return len(self.count)

    @property
    def slot_bits(self) -> int:
        """Bits of a slot number; none where a lane has a single slot."""
        return bits_for_range(self.slots) if self.slots > 1 else 0

    @property
    def word_bits(self) -> int:
        """Bits of a word."""
        return self.lanes * (self.weight_bits + self.slot_bits)

    @property
    def words_per_input(self) -> int | None:
        """Words of every input if all have the same number, else None."""
        counts = set(self.count.tolist())
        return counts.pop() if len(counts) == 1 and 0 not in counts else None

    @cached_property
    def image(self) -> tuple[int, ...]:
        """The words as integers: lane 0 lowest, in a lane the weight below the slot."""
        mask = (1 << self.weight_bits) - 1
        lane_bits = self.weight_bits + self.slot_bits
        weight = self.weight.copy()
        if self.paired:
            uppers = weight[:, 1::2]
            uppers -= self.weight[:, ::2][:, : uppers.shape[1]] < 0
        lane_words = (weight & mask) | (self.slot << self.weight_bits)
        return tuple(
            sum(int(word) << (lane_bits * lane) for lane, word in enumerate(row)) for row in lane_words
        ) or (0,)

    @cached_property
    def rom(self) -> RomConfig:
        """The memory that holds the words."""
        return RomConfig(words=self.image, bits=self.word_bits, kind=self.memory)

    def cycles(self, active: int) -> int:
        """Return the most cycles that any `active` inputs can take, one word a cycle, at least 1."""
        cost = np.sort(np.maximum(self.count, 1))[::-1][:active]
        return max(1, int(cost.sum()))


def pack_words(
    weight: np.ndarray, order: tuple[int, ...], lanes: int, weight_bits: int, paired: bool = False
) -> WordTable:
    """Pack a matrix into words, given which output each lane and slot holds.

    Parameters
    ----------
    weight : int64[inputs, outputs]
    order : tuple of int
        `order[slot * lanes + lane]` is the output held there, -1 for none.
    lanes, weight_bits : int
    paired : bool
        As in `WordTable`.

    Returns
    -------
    WordTable
    """
    slots = len(order) // lanes
    placed = np.zeros((len(weight), slots * lanes), dtype=np.int64)
    held = np.array(order)
    placed[:, held >= 0] = weight[:, held[held >= 0]]
    by_lane = placed.reshape(len(weight), slots, lanes)
    count = (by_lane != 0).sum(axis=1).max(axis=1)
    start = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64)
    words = np.zeros((2, int(count.sum()), lanes), dtype=np.int64)
    inputs, slot, lane = np.nonzero(by_lane)
    # The rank of a nonzero within its lane says which of the input's words it goes to.
    rank = (np.cumsum(by_lane != 0, axis=1) - 1)[inputs, slot, lane]
    words[0, start[inputs] + rank, lane] = by_lane[inputs, slot, lane]
    words[1, start[inputs] + rank, lane] = slot
    return WordTable(words[0], words[1], start, count, slots, weight_bits, paired)


def pack_taps(
    weight: np.ndarray, order: tuple[int, ...], lanes: int, weight_bits: int, paired: bool
) -> tuple[WordTable, ...]:
    """Pack each tap of int64[filters, channels, taps]; the rest as for `pack_words`."""
    taps = weight.transpose(2, 1, 0)
    return tuple(pack_words(tap, order, lanes, weight_bits, paired) for tap in taps)
