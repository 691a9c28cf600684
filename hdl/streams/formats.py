"""What the beats of a stream mean: how a tensor is cut into payloads, and put together again.

Three formats cover every stream between two layers. Each knows its payload layout for hardware and
encodes and decodes whole frames for tests, vectors and traces. Frames follow each other without
a gap or a marker: their length is known, or told by `last`.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from amaranth.lib import data

from hdl.numerics import FixedPoint
from hdl.streams.elements import bits_of, element, unpacked
from hdl.streams.sparse_formats import EntryFormat, WinnersFormat

__all__ = [
    "DenseFormat",
    "EntryFormat",
    "StreamFormat",
    "WinnersFormat",
    "bits_of",
    "element",
    "shares_beats",
]


def shares_beats(columns: int, height: int, width: int) -> bool:
    """Say whether beats of so many pixels hold equal parts of rows, or whole rows that part a frame equally.

    >>> [columns for columns in range(1, 25) if shares_beats(columns, 4, 6)]
    [1, 2, 3, 6, 12, 24]
    """
    within, rows = columns > 0 and width % columns == 0, columns > 0 and columns % width == 0
    return within or (rows and height * width % columns == 0)


@dataclass(frozen=True)
class DenseFormat:
    """Every element travels: a pixel is `groups` beats of `lanes` channels, pixels in raster order.

    Where a pixel is a single beat, `columns` adjacent ones may share it, or whole rows of them.

    Parameters
    ----------
    shape : (channels, height, width)
    form : FixedPoint
        Of one element.
    lanes : int
        Elements a beat, of each of its pixels.
    order : tuple of int
        `order[group * lanes + lane]` is the channel that travels there; each channel once, -1 in
        slots that carry nothing (their value is 0). Its length is groups × lanes.
    columns : int
        Pixels a beat, the first in raster order in the lowest bits; divides the width, or is a multiple of it
        that divides the pixels.
    """

    shape: tuple[int, int, int]
    form: FixedPoint
    lanes: int
    order: tuple[int, ...]
    columns: int = 1

    def __post_init__(self) -> None:
        if self.lanes < 1 or len(self.order) % self.lanes:
            raise ValueError(f"order must have a multiple of {self.lanes} slots, not {len(self.order)}")
        if sorted(c for c in self.order if c >= 0) != list(range(self.shape[0])):
            raise ValueError(f"order must name each of {self.shape[0]} channels once")
        if not shares_beats(self.columns, *self.shape[1:]):
            what = f"columns must be a divisor of {self.shape[2]}, or rows that divide a frame"
            raise ValueError(f"{what}, not {self.columns!r}")
        if self.columns > 1 and self.groups > 1:
            raise ValueError(f"pixels of {self.groups} beats cannot share them: columns must be 1")

    @classmethod
    def natural(
        cls, shape: tuple[int, int, int], form: FixedPoint, lanes: int, columns: int = 1
    ) -> "DenseFormat":
        """Return the format whose channels travel in ascending order, the last group padded."""
        groups = -(-shape[0] // lanes)
        order = tuple(c if c < shape[0] else -1 for c in range(groups * lanes))
        return cls(shape, form, lanes, order, columns)

    @property
    def single(self) -> "DenseFormat":
        """The same elements with one pixel a beat."""
        return replace(self, columns=1)

    @property
    def groups(self) -> int:
        """Beats a pixel."""
        return len(self.order) // self.lanes

    @property
    def pixels(self) -> int:
        """Pixels a frame."""
        return self.shape[1] * self.shape[2]

    @property
    def beats(self) -> int:
        """Beats a frame."""
        return self.pixels * self.groups // self.columns

    @property
    def elements(self) -> int:
        """Elements a beat."""
        return self.lanes * self.columns

    @cached_property
    def payload(self) -> data.ArrayLayout:
        """Pixel by pixel; lane 0 in the lowest bits."""
        return data.ArrayLayout(element(self.form), self.elements)

    def encode(self, tensor: np.ndarray) -> list[int]:
        """Cut int64[channels, height, width] into the payloads of one frame."""
        width = self.form.width
        padded = np.concatenate([tensor.reshape(self.shape[0], -1), np.zeros((1, self.pixels), tensor.dtype)])
        slots = padded[list(self.order)].T.reshape(self.beats, self.elements) & ((1 << width) - 1)
        return [sum(value << (width * n) for n, value in enumerate(beat)) for beat in slots.tolist()]

    def decode(self, beats: list[int]) -> np.ndarray:
        """Put the payloads of one frame together: int64[channels, height, width]."""
        slots = np.zeros((self.pixels, len(self.order)), dtype=np.int64)
        slots.reshape(-1, self.elements)[: len(beats)] = unpacked(beats, self.elements, self.form)
        return slots[:, self.slots].T.reshape(self.shape)

    @cached_property
    def slots(self) -> np.ndarray:
        """Where each channel travels, int64[channels]: its group × lanes + its lane."""
        return np.argsort(np.array(self.order), kind="stable")[len(self.order) - self.shape[0] :]


StreamFormat = DenseFormat | WinnersFormat | EntryFormat
