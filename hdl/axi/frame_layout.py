"""How the transfers of a frame lie in the words of a memory or of a wider stream."""

from dataclasses import dataclass

__all__ = ["FrameLayout"]


@dataclass(frozen=True, kw_only=True)
class FrameLayout:
    """Frames behind each other, each from a word of its own on.

    A transfer takes a slot: its bits, extended by zeros to a power of two of at least 8. Slots fill words
    from the lowest bits up; what a frame leaves of its last word stays 0. A slot wider than a word takes
    several, the lowest bits first.

    Parameters
    ----------
    beats : int
        Transfers a frame.
    data_bits : int
        Bits of one transfer.
    word_bits : int
        Bits of a word; a power of two of at least 8.
    """

    beats: int
    data_bits: int
    word_bits: int

    def __post_init__(self) -> None:
        if self.beats < 1:
            raise ValueError(f"beats must be a positive integer, not {self.beats!r}")
        if self.data_bits < 1:
            raise ValueError(f"data_bits must be a positive integer, not {self.data_bits!r}")
        if self.word_bits < 8 or self.word_bits & (self.word_bits - 1):
            raise ValueError(f"word_bits must be a power of two of at least 8, not {self.word_bits!r}")

    @property
    def slot_bits(self) -> int:
        """Bits that a transfer takes."""
        return max(8, 1 << (self.data_bits - 1).bit_length())

    @property
    def slots(self) -> int:
        """Transfers a word; 1 where a transfer takes several words."""
        return max(1, self.word_bits // self.slot_bits)

    @property
    def pieces(self) -> int:
        """Words a transfer; 1 where a word takes several transfers."""
        return max(1, self.slot_bits // self.word_bits)

    @property
    def words(self) -> int:
        """Words a frame."""
        return -(-self.beats // self.slots) * self.pieces

    @property
    def bytes(self) -> int:
        """Bytes a frame, from the start of one to the start of the next."""
        return self.words * self.word_bits // 8

    def encode(self, beats: list[int]) -> list[int]:
        """Put the transfers of one frame into words.

        >>> layout = FrameLayout(beats=3, data_bits=24, word_bits=64)
        >>> [f"{word:016x}" for word in layout.encode([0xAAAAAA, 0xBBBBBB, 0xCCCCCC])]
        ['00bbbbbb00aaaaaa', '0000000000cccccc']
        """
        frame = sum(beat << self.slot_bits * number for number, beat in enumerate(beats))
        return [frame >> self.word_bits * n & (1 << self.word_bits) - 1 for n in range(self.words)]

    def decode(self, words: list[int]) -> list[int]:
        """Take the transfers of one frame out of its words."""
        frame = sum(word << self.word_bits * number for number, word in enumerate(words))
        return [frame >> self.slot_bits * n & (1 << self.data_bits) - 1 for n in range(self.beats)]
