"""Read a stored frame as keys that put its elements into one strict order."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources
from hdl.streams.formats import DenseFormat

__all__ = ["KeyReader", "KeyReaderConfig"]


@dataclass(frozen=True, kw_only=True)
class KeyReaderConfig:
    """What is stored, and the keys that follow from it.

    Parameters
    ----------
    source : DenseFormat
        Of the stored frames.
    frames : int
        How many lie one behind the other in the memory; at least 1.
    """

    source: DenseFormat
    frames: int = 2

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"frames must be a positive integer, not {self.frames!r}")

    @property
    def depth(self) -> int:
        """Beats that the memory holds."""
        return self.frames * self.source.beats

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

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes, without the memory that it reads: keys, and ranks unless in order."""
        lanes = self.source.lanes
        keys = Resources(lut=lanes * 2, ff=lanes * self.key_bits)
        counters = fabric.counter(self.source.groups) + fabric.counter(self.source.pixels)
        counters += 2 * fabric.counter(self.depth)
        if self.in_order:
            return keys + counters
        return keys + counters + fabric.memory(lanes * self.rank_bits, self.source.groups, constant=True)

    @property
    def latency(self) -> int:
        """Cycles from a step to its keys."""
        # Memory; key.
        return 2


class KeyReader(wiring.Component):
    """Walk through the beats of stored frames, each as often as wanted, and make a key of each element.

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
    again : In(1)
        If the beat at `address` is the last of its frame, go back to the first; else go on to the next frame.
    address : Out(range(depth))
    last : Out(1)
        The beat at `address` is the last of its frame.
    word : In(source.payload)
        What the memory held at `address` in the cycle before.
    o : Out(stream.Signature({last, again, keys}, always_ready=True))
        `last` and `again` are as they were at the step.
    """

    def __init__(self, config: KeyReaderConfig) -> None:
        self.config = config
        source = config.source
        keys = data.ArrayLayout(config.key_bits, source.lanes)
        beat = data.StructLayout({"last": 1, "again": 1, "keys": keys})
        super().__init__(
            {
                "step": In(1),
                "again": In(1),
                "address": Out(range(config.depth)),
                "last": Out(1),
                "word": In(source.payload),
                "o": Out(stream.Signature(beat, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source = self.config.source
        start = Signal(range(self.config.depth))
        group, pixel = Signal(range(source.groups)), Signal(range(source.pixels))
        last_group = group == source.groups - 1
        m.d.comb += self.last.eq(last_group & (pixel == source.pixels - 1))
        with m.If(self.step):
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            m.d.sync += pixel.eq(Mux(self.last, 0, pixel + last_group))
            m.d.sync += self.address.eq(Mux(self.last & self.again, start, self.address + 1))
            with m.If(self.last & ~self.again):
                following = Mux(start == self.config.depth - source.beats, 0, start + source.beats)
                m.d.sync += [self.address.eq(following), start.eq(following)]

        # Stage 1: the memory is read, and the ranks.
        read, read_last, read_again = Signal(), Signal(), Signal()
        read_pixel, padded = Signal.like(pixel), Signal(source.lanes)
        empty = [
            [number for number, channel in enumerate(source.order[lane :: source.lanes]) if channel < 0]
            for lane in range(source.lanes)
        ]
        m.d.sync += [
            read.eq(self.step),
            read_last.eq(self.last),
            read_again.eq(self.again),
            read_pixel.eq(pixel),
            padded.eq(Cat(Cat(group == number for number in groups).any() for groups in empty)),
        ]
        ranks = self._rank(m, group)

        # Stage 2: keys.
        m.d.sync += [
            self.o.valid.eq(read),
            self.o.payload.last.eq(read_last),
            self.o.payload.again.eq(read_again),
        ]
        zero = int(source.form.signed) << (source.form.width - 1)
        for lane, rank in enumerate(ranks):
            key = Cat(~Cat(read_pixel, rank), self.word[lane].as_unsigned() ^ zero)
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
