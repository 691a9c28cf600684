"""Read a stored frame as keys that put its elements into one strict order."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.streams.formats import DenseFormat

__all__ = ["KeyReader", "KeyReaderConfig"]


@dataclass(frozen=True, kw_only=True)
class KeyReaderConfig:
    """What is stored, and the keys that follow from it.

    Parameters
    ----------
    source : DenseFormat
        Of the stored frames.
    banks : int
        Memories that hold a frame each; at least 2.
    """

    source: DenseFormat
    banks: int = 2

    def __post_init__(self) -> None:
        if self.banks < 2:
            raise ValueError(f"banks must be at least 2, not {self.banks!r}")

    @property
    def in_order(self) -> bool:
        """Whether channels travel in ascending order, so that (group, lane) ranks them without a table."""
        channels = [channel for channel in self.source.order if channel >= 0]
        return channels == sorted(channels)

    @property
    def rank_bits(self) -> int:
        """Width of what orders the channels."""
        if self.in_order:
            return (self.source.groups - 1).bit_length() + (self.source.lanes - 1).bit_length()
        return bits_for_range(self.source.shape[0])

    @property
    def place_bits(self) -> int:
        """Width of what orders the elements of a frame: the rank above the pixel."""
        return self.rank_bits + (self.source.pixels - 1).bit_length()

    @property
    def key_bits(self) -> int:
        """Width of a key: the value in offset binary above the inverted place."""
        return self.source.form.width + self.place_bits

    @property
    def latency(self) -> int:
        """Cycles from a step to its keys."""
        # Memory; key.
        return 2


class KeyReader(wiring.Component):
    """Walk through the beats of a stored frame, over and over, and make a key of each element.

    The larger of two keys is the larger value or, of equal values, the one that comes first in the tensor
    flattened as (channels, height, width). A padded slot has the key 0, below which there is nothing.

    Timing
    ------
    Keys are out `config.latency` cycles after each cycle with `step`. Never waits.

    Resources
    ---------
    If channels travel out of order, a table of `groups × lanes` ranks.

    Parameters
    ----------
    config : KeyReaderConfig

    Members
    -------
    step : In(1)
        Read the beat at `address` and go on to the next.
    bank : In(range(banks))
        Where to read it.
    address : Out(range(beats))
    last : Out(1)
        The beat at `address` ends a frame.
    words : In(ArrayLayout(beat_bits, banks))
        What each bank held at `address` in the cycle before.
    o : Out(stream.Signature({last, keys}, always_ready=True))
    """

    def __init__(self, config: KeyReaderConfig) -> None:
        self.config = config
        source = config.source
        beat = data.StructLayout({"last": 1, "keys": data.ArrayLayout(config.key_bits, source.lanes)})
        super().__init__(
            {
                "step": In(1),
                "bank": In(range(config.banks)),
                "address": Out(range(source.beats)),
                "last": Out(1),
                "words": In(data.ArrayLayout(source.payload.size, config.banks)),
                "o": Out(stream.Signature(beat, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source = self.config.source
        group, pixel = Signal(range(source.groups)), Signal(range(source.pixels))
        last_group = group == source.groups - 1
        m.d.comb += self.last.eq(self.address == source.beats - 1)
        with m.If(self.step):
            m.d.sync += self.address.eq(Mux(self.last, 0, self.address + 1))
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            m.d.sync += pixel.eq(Mux(self.last, 0, pixel + last_group))

        # Stage 1: the banks are read, and the ranks.
        read_last, read_bank, read_pixel = Signal(), Signal.like(self.bank), Signal.like(pixel)
        read, padded = Signal(), Signal(source.lanes)
        empty = [
            [number for number, channel in enumerate(source.order[lane :: source.lanes]) if channel < 0]
            for lane in range(source.lanes)
        ]
        m.d.sync += [
            read.eq(self.step),
            read_last.eq(self.last),
            read_bank.eq(self.bank),
            read_pixel.eq(pixel),
            padded.eq(Cat(Cat(group == number for number in groups).any() for groups in empty)),
        ]
        ranks = self._rank(m, group)

        # Stage 2: keys.
        zero = int(source.form.signed) << (source.form.width - 1)
        word = self.words[read_bank]
        m.d.sync += [self.o.valid.eq(read), self.o.payload.last.eq(read_last)]
        for lane, rank in enumerate(ranks):
            value = word.word_select(lane, source.form.width) ^ zero
            key = Cat(~Cat(read_pixel, rank), value)
            m.d.sync += self.o.payload.keys[lane].eq(Mux(padded[lane], 0, key))
        return m

    def _rank(self, m: Module, group: Signal) -> list[Value]:
        """Return the rank of the channel in each lane, in the cycle after `group`."""
        lanes, order = self.config.source.lanes, self.config.source.order
        if self.config.in_order:
            read_group = Signal.like(group)
            m.d.sync += read_group.eq(group)
            return [Cat(Const(lane, (lanes - 1).bit_length()), read_group) for lane in range(lanes)]
        ranks = [max(channel, 0) for channel in order]
        table = [ranks[start : start + lanes] for start in range(0, len(ranks), lanes)]
        rows = data.ArrayLayout(self.config.rank_bits, lanes)
        m.submodules.ranks = memory = Memory(shape=rows, depth=len(table), init=table)
        port = memory.read_port()
        m.d.comb += port.addr.eq(group)
        return [port.data[lane] for lane in range(lanes)]
