"""What the beats of a stream of nonzeros mean: winners of each pixel, or one element a beat."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.lib import data

from hdl.numerics import FixedPoint, bits_for_range
from hdl.streams.elements import bits_of, element, signed

__all__ = ["EntryFormat", "WinnersFormat"]


@dataclass(frozen=True)
class WinnersFormat:
    """One beat a pixel: the (value, channel) pairs of its nonzero elements, at most `at_most`.

    The first `count` pairs count, and may carry the value 0; those behind them do. Pixels in raster order.
    """

    shape: tuple[int, int, int]
    form: FixedPoint
    at_most: int

    @cached_property
    def index_bits(self) -> int:
        """Bits of a channel number."""
        return bits_for_range(self.shape[0])

    @property
    def beats(self) -> int:
        """Beats a frame: one a pixel."""
        return self.shape[1] * self.shape[2]

    @cached_property
    def payload(self) -> data.StructLayout:
        """`count`, then `pairs`, each `value` and `index`."""
        pair = data.StructLayout({"value": element(self.form), "index": self.index_bits})
        return data.StructLayout(
            {"count": bits_for_range(self.at_most + 1), "pairs": data.ArrayLayout(pair, self.at_most)}
        )

    def encode(self, tensor: np.ndarray) -> list[int]:
        """Cut int64[channels, height, width] into one frame; pairs by falling value, then channel."""
        beats = []
        for pixel in tensor.reshape(self.shape[0], -1).T:
            channels = sorted(np.flatnonzero(pixel), key=lambda c: (-pixel[c], c))
            if len(channels) > self.at_most:
                raise ValueError(f"a pixel has {len(channels)} nonzeros, more than {self.at_most}")
            pairs = [{"value": int(pixel[c]), "index": int(c)} for c in channels]
            beats.append(bits_of(self.payload, {"count": len(pairs), "pairs": pairs}))
        return beats

    def decode(self, beats: list[int]) -> np.ndarray:
        """Put one frame together: int64[channels, height, width]."""
        tensor = np.zeros((self.shape[0], self.shape[1] * self.shape[2]), dtype=np.int64)
        for pixel, beat in enumerate(beats):
            for value, channel in self.pairs(beat):
                tensor[channel, pixel] = value
        return tensor.reshape(self.shape)

    def count(self, beat: int) -> int:
        """Return how many pairs of a payload count, as it says."""
        return beat & (1 << bits_for_range(self.at_most + 1)) - 1

    def pairs(self, beat: int) -> list[tuple[int, int]]:
        """Return the pairs of a payload that count: value and channel.

        Taken apart by hand, for its speed: verification reads every payload of its first frames.
        """
        width, bits = self.form.width, self.form.width + self.index_bits
        rest, found = beat >> bits_for_range(self.at_most + 1), []
        for _ in range(self.count(beat)):
            pair = rest & (1 << bits) - 1
            found.append((signed(pair & (1 << width) - 1, self.form), pair >> width))
            rest >>= bits
        return found


@dataclass(frozen=True)
class EntryFormat:
    """A list of the nonzero elements of a frame, one a beat; `last` ends the frame.

    A beat with `active` low carries no element; it is there to carry `last`. `order[index]` is the
    element's place in the tensor flattened as (channels, height, width), or -1 for an index that never
    occurs: elements are numbered as they arrive, so that no hardware renumbers them.
    """

    shape: tuple[int, int, int]
    form: FixedPoint
    at_most: int
    order: tuple[int, ...]

    @cached_property
    def index_bits(self) -> int:
        """Bits of an element's number."""
        return bits_for_range(len(self.order))

    @cached_property
    def payload(self) -> data.StructLayout:
        """`last`, `active`, `index`, `value`."""
        return data.StructLayout(
            {"last": 1, "active": 1, "index": self.index_bits, "value": element(self.form)}
        )

    def encode(self, tensor: np.ndarray) -> list[int]:
        """Cut int64[channels, height, width] into one frame, by ascending index."""
        flat = tensor.reshape(-1)
        entries = [(i, int(flat[place])) for i, place in enumerate(self.order) if place >= 0 and flat[place]]
        if not entries:
            return [bits_of(self.payload, {"last": 1, "active": 0, "index": 0, "value": 0})]
        final = len(entries) - 1
        return [
            bits_of(self.payload, {"last": int(n == final), "active": 1, "index": i, "value": v})
            for n, (i, v) in enumerate(entries)
        ]

    def decode(self, beats: list[int]) -> np.ndarray:
        """Put one frame together: int64[channels, height, width]."""
        flat = np.zeros(self.shape[0] * self.shape[1] * self.shape[2], dtype=np.int64)
        for index, value in filter(None, map(self.entry, beats)):
            flat[self.order[index]] = value
        return flat.reshape(self.shape)

    def entry(self, beat: int) -> tuple[int, int] | None:
        """Return the element that a payload carries, index and value, if it carries one.

        Taken apart by hand for its speed, as `WinnersFormat.pairs` is.
        """
        index, value = beat >> 2 & (1 << self.index_bits) - 1, beat >> 2 + self.index_bits
        return (index, signed(value, self.form)) if beat & 2 else None

    @staticmethod
    def is_last(beat: int) -> bool:
        """Return whether a payload ends its frame."""
        return bool(beat & 1)
