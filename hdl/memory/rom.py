"""A read-only memory whose contents can travel as a file beside the Verilog."""

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.resources import MEMORIES, Fabric, Resources, total

__all__ = ["Rom", "RomConfig", "piece_depths", "rom_cost", "shared"]

SMALLEST_PIECE = 512
"""Words of the shallowest block RAM."""

BLOCK = 2048
"""Words of `SLICE` bits that blocks of all families read without a choice between them."""

SLICE = 18
"""Bits of a word that share an address where that has legs: blocks of all families waste little on them."""

MOST_UNUSED = 1 / 16
"""Share of the pieces' words that may stay empty."""


@dataclass(frozen=True, kw_only=True)
class RomConfig:
    """Contents of one memory.

    Parameters
    ----------
    words : tuple of int
        Unsigned, of `bits` bits, from address 0 on.
    bits : int
    kind : str
        What it is made of, one of `hdl.resources.MEMORIES`.
    legs : int
        Registers that the address rests in on its way, each for every `SLICE` bits of a word one of its own:
        for memories of so many blocks that they lie far apart. What these read rests, too.
    rests : bool
        What a block of memory reads rests in a register right behind it, which may be the block's own.
    piece : bool
        It is one of several that a memory is made of, and is not parted once more.
    """

    words: tuple[int, ...]
    bits: int
    kind: str = "auto"
    legs: int = 0
    rests: bool = False
    piece: bool = False

    def __post_init__(self) -> None:
        if self.kind not in MEMORIES:
            raise ValueError(f"kind must be one of {MEMORIES}, not {self.kind!r}")
        if not self.words:
            raise ValueError("words must hold at least one word, not none")
        if not all(0 <= word < 1 << self.bits for word in self.words):
            raise ValueError(f"words must fit {self.bits} bits")

    @property
    def address_bits(self) -> int:
        """Bits of an address."""
        return bits_for_range(len(self.words))

    @property
    def latency(self) -> int:
        """Cycles from an address to its word."""
        return 1 + self.legs + (self.rests or self.legs > 0)

    @property
    def slices(self) -> "list[RomConfig]":
        """The memories of `SLICE` bits, the lowest first, that each have an address of their own."""
        return [
            RomConfig(
                words=tuple(word >> start & (1 << SLICE) - 1 for word in self.words),
                bits=min(SLICE, self.bits - start), kind=self.kind, rests=True,
            )
            for start in range(0, self.bits, SLICE)
        ]  # fmt: skip

    @cached_property
    def pieces(self) -> "tuple[RomConfig, ...]":
        """The memories that it is made of; all of block RAM if there are several."""
        ends = np.cumsum(piece_depths(len(self.words), rests=self.rests)).tolist()
        if self.piece or len(ends) == 1:
            return (self,)
        parts = zip([0, *ends[:-1]], ends, strict=True)
        return tuple(
            replace(self, words=self.words[start:end], kind="block", piece=True) for start, end in parts
        )

    @property
    def bare(self) -> "RomConfig":
        """The memory without what rests behind it."""
        return replace(self, rests=False)


def piece_depths(depth: int, *, rests: bool = False) -> list[int]:
    """Return the words of the memories that a deep one is made of.

    Block RAM comes in powers of two: as many of them, the largest first, as leave few words unused. Where
    what blocks read rests right behind them, none holds more than `BLOCK`.

    >>> piece_depths(6400), piece_depths(8000), piece_depths(6400, rests=True)
    ([4096, 2048, 256], [8000], [2048, 2048, 2048, 256])
    """
    whole = depth // BLOCK if rests else 0
    rest, depths = depth - whole * BLOCK, [BLOCK] * whole
    if depths and not rest:
        return depths
    while rest > SMALLEST_PIECE:
        size = 1 << (rest - 1).bit_length()
        if size - rest <= MOST_UNUSED * depth:
            break
        depths.append(size // 2)
        rest -= size // 2
    return [*depths, rest]


def rom_cost(
    bits: int, depth: int, kind: str, fabric: Fabric, *, legs: int = 0, rests: bool = False
) -> Resources:  # fmt: skip
    """Predict what a memory takes: its pieces, and a choice between them; slice by slice if it has legs."""
    if legs:
        widths = [min(SLICE, bits - start) for start in range(0, bits, SLICE)]
        addresses = Resources(ff=legs * len(widths) * bits_for_range(depth))
        return total([*(rom_cost(width, depth, kind, fabric, rests=True) for width in widths), addresses])
    depths = piece_depths(depth, rests=rests)
    kind = "block" if len(depths) > 1 else kind
    pieces = [fabric.memory(bits, words, constant=True, kind=kind) for words in depths]
    held = Resources(ff=(rests * bits + 1) * len(depths) - 1)
    return total([*pieces, fabric.choice(len(depths), bits), held])


class Rom(wiring.Component):
    """Look a word up.

    Timing
    ------
    Latency `config.latency` cycles, throughput 1 word per cycle. While `enable` is low, `data` keeps its
    value; a memory with legs is enabled always, and one that rests must be.

    Where the platform has a method `rom(component)`, that method says how a memory of one piece is made
    (the emitter writes its contents to a file); otherwise it is an ordinary Amaranth memory.

    Parameters
    ----------
    config : RomConfig

    Members
    -------
    enable : In(1)
    address : In(config.address_bits)
    data : Out(config.bits)
    """

    def __init__(self, config: RomConfig) -> None:
        self.config = config
        super().__init__(
            {"enable": In(1), "address": In(config.address_bits), "data": Out(config.bits)}
        )

    def elaborate(self, platform: object) -> Module:
        if self.config.legs:
            return self._from_afar()
        if len(self.config.pieces) > 1:
            return self._joined()
        if self.config.rests:
            return self._rested()
        if hasattr(platform, "rom"):
            return platform.rom(self)
        m = Module()
        # A power-of-two depth keeps addresses past the end defined.
        depth = 1 << self.config.address_bits
        m.submodules.storage = storage = memory.Memory(
            shape=self.config.bits, depth=depth, init=self.config.words
        )
        port = storage.read_port()
        m.d.comb += [port.en.eq(self.enable), port.addr.eq(self.address), self.data.eq(port.data)]
        return m

    def _from_afar(self) -> Module:
        """Read all slices, each with an address of its own."""
        m = Module()
        found = []
        for number, config in enumerate(self.config.slices):
            m.submodules[f"slice{number}"] = part = Rom(config)
            # Registers that begin alike are one to Yosys.
            init = number % (1 << len(self.address))
            address = self.address
            for leg in range(self.config.legs):
                resting = Signal(len(address), name=f"address{number}_{leg}", init=init, reset_less=True)
                m.d.sync += resting.eq(address)
                address = resting
            m.d.comb += [part.enable.eq(1), part.address.eq(address)]
            found.append(part.data)
        m.d.comb += self.data.eq(Cat(found))
        return m

    def _rested(self) -> Module:
        """Hold what is read for a cycle."""
        m = Module()
        m.submodules.bare = bare = Rom(self.config.bare)
        m.d.comb += [bare.enable.eq(self.enable), bare.address.eq(self.address)]
        # A block's own register knows no reset.
        held = Signal.like(self.data, reset_less=True)
        m.d.sync += held.eq(bare.data)
        m.d.comb += self.data.eq(held)
        return m

    def _joined(self) -> Module:
        """Read all pieces, and take the word of the one that the address lies in."""
        m = Module()
        pieces, words, start = self.config.pieces, [], 0
        for number, config in enumerate(pieces):
            m.submodules[f"piece{number}"] = piece = Rom(config)
            start += len(config.words)
            # Pieces grow smaller, and all but the last fill their powers of two: the lowest bits lead there.
            m.d.comb += [piece.enable.eq(self.enable), piece.address.eq(self.address)]
            words.append((start, piece.data))
        here, beyond = [], 0
        for number, (end, _) in enumerate(words[:-1]):
            within = Signal(name=f"within{number}")
            below = self.address < end
            with m.If(self.enable):
                m.d.sync += within.eq(below & (self.address >= beyond))
            if self.config.rests:
                read, within = within, Signal(name=f"rested{number}")
                m.d.sync += within.eq(read)
            here.append(within)
            beyond = end
        chosen = [Mux(within, word, 0) for within, (_, word) in zip(here, words, strict=False)]
        rest = Mux(reduce(or_, here), 0, words[-1][1])
        m.d.comb += self.data.eq(reduce(or_, chosen, rest))
        return m


def shared(platform: object, component: wiring.Component) -> wiring.Component:
    """Return a component of a kind that a design has many of with the same configuration.

    Where the platform has a method `shared(component)`, that one stands in for it: the emitter writes
    a module once for all instances.
    """
    return platform.shared(component) if hasattr(platform, "shared") else component
