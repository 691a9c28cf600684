"""Split a transfer of many words into bursts that AXI4 allows."""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Bursts", "BurstsConfig", "split_into_bursts"]

BOUNDARY_BYTES = 4096
"""No burst may cross a multiple of this, says AXI4."""
MOST_WORDS = 256


@dataclass(frozen=True, kw_only=True)
class BurstsConfig:
    """How long bursts may be.

    Parameters
    ----------
    word_bits : int
        Width of the memory; a power of two from 8 to 1024.
    burst_words : int
        Most words a burst; a power of two up to 256, at most 4096 bytes. Bursts end at multiples of it.
    count_bits : int
        Width of the number of words of one transfer.
    address_bits : int
    """

    word_bits: int
    burst_words: int
    count_bits: int
    address_bits: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.burst_words <= MOST_WORDS or self.burst_words & (self.burst_words - 1):
            raise ValueError(f"burst_words must be a power of two up to {MOST_WORDS}, not {self.burst_words}")
        if self.burst_words * self.word_bytes > BOUNDARY_BYTES:
            raise ValueError(
                f"a burst must be at most {BOUNDARY_BYTES} bytes, not {self.burst_words * self.word_bytes}"
            )
        if self.count_bits < 1:
            raise ValueError(f"count_bits must be a positive integer, not {self.count_bits!r}")

    @property
    def word_bytes(self) -> int:
        """Bytes a word."""
        return self.word_bits // 8

    @property
    def transfer(self) -> data.StructLayout:
        """What is to be moved: the byte address of its first word, a multiple of a word, and the words."""
        return data.StructLayout({"address": self.address_bits, "words": self.count_bits})

    @property
    def burst(self) -> data.StructLayout:
        """One burst: byte address, words, and whether it is the last of its transfer."""
        return data.StructLayout(
            {"address": self.address_bits, "words": self.burst_words.bit_length(), "last": 1}
        )


def split_into_bursts(config: BurstsConfig, address: int, words: int) -> list[tuple[int, int]]:
    """Return (byte address, words) of the bursts of one transfer; addresses go round at their width."""
    bursts = []
    while words:
        count = min(words, config.burst_words - address // config.word_bytes % config.burst_words)
        bursts.append((address, count))
        address = (address + count * config.word_bytes) % (1 << config.address_bits)
        words -= count
    return bursts


class Bursts(wiring.Component):
    """Name the bursts of one transfer after another.

    Timing
    ------
    Latency 2 cycles. Throughput 1 burst in 2 cycles. `i.ready` does not depend on `o.ready`. A transfer of
    0 words is taken and gives no burst.

    Resources
    ---------
    An adder as wide as an address, a subtractor as wide as the count (estimated).

    Parameters
    ----------
    config : BurstsConfig

    Members
    -------
    i : In(stream.Signature(config.transfer))
    o : Out(stream.Signature(config.burst))
    """

    def __init__(self, config: BurstsConfig) -> None:
        self.config = config
        super().__init__(
            {"i": In(stream.Signature(config.transfer)), "o": Out(stream.Signature(config.burst))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        shift, size = config.word_bytes.bit_length() - 1, config.burst_words.bit_length() - 1
        address, left = Signal(config.address_bits), Signal(config.count_bits)
        length = Signal(size + 1)
        room = Signal(size + 1)
        m.d.comb += [
            # A burst ends where a multiple of its longest size begins, so that none crosses a boundary.
            room.eq(config.burst_words - address[shift : shift + size]),
            self.i.ready.eq((left == 0) & ~self.o.valid),
            self.o.payload.address.eq(address),
            self.o.payload.words.eq(length),
            self.o.payload.last.eq(left == 0),
        ]
        with m.If(self.o.valid):
            with m.If(self.o.ready):
                m.d.sync += [address.eq(address + (length << shift)), self.o.valid.eq(0)]
        with m.Elif(left != 0):
            chosen = Mux(left < room, left, room)
            m.d.sync += [length.eq(chosen), left.eq(left - chosen), self.o.valid.eq(1)]
        with m.Elif(self.i.valid):
            m.d.sync += [address.eq(self.i.payload.address), left.eq(self.i.payload.words)]
        return m
