"""Contents of memories on their way: a chain of bytes that passes every memory that can be loaded.

Each memory takes the bytes that nobody has taken before, from the start of a load until it is full, and
passes all on. So the contents of all memories come one after the other, in the order of the chain, each word
in whole bytes, the lowest first; and what leaves the last memory is what entered the first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources

__all__ = [
    "Chain", "Contents", "Loader", "join_chain", "lead_chain", "loadable_cost", "loading_ports", "to_bytes",
]  # fmt: skip


CHAIN_BITS = 11
"""Of a byte on its way, and what is said of it."""


class Chain(wiring.Signature):
    """A byte on its way: `start` begins a load, `fresh` says that no memory has taken it. Nothing stalls."""

    def __init__(self) -> None:
        super().__init__({"start": Out(1), "valid": Out(1), "fresh": Out(1), "byte": Out(8)})


@dataclass(frozen=True)
class Contents:
    """What one memory holds, and how it is read.

    Parameters
    ----------
    name : str
        Unique in its stage.
    bits : int
        Of a word.
    words : tuple of int
        Unsigned, from address 0 on.
    registered : bool
        Whether a word comes a cycle after its address; else in the same cycle.
    """

    name: str
    bits: int
    words: tuple[int, ...]
    registered: bool = True


def to_bytes(contents: Iterable[Contents]) -> bytes:
    """Return the bytes that load memories along a chain.

    >>> to_bytes([Contents("a", 12, (0xABC, 1)), Contents("b", 3, (7,))]).hex()
    'bc0a010007'
    """
    return b"".join(
        word.to_bytes(-(-memory.bits // 8), "little") for memory in contents for word in memory.words
    )


class Loader(wiring.Component):
    """Take the words of one memory off a chain.

    No register is cleared by a reset, so that what is loaded can be held in reset meanwhile.

    Timing
    ------
    A byte passes in a cycle; a word is written in the cycle after its last byte came.

    Parameters
    ----------
    bits, depth : int
        Of the memory; all its words are loaded.

    Members
    -------
    i : In(Chain()), o : Out(Chain())
    enable : Out(1), address : Out, data : Out(bits)
        What is written.
    """

    def __init__(self, bits: int, depth: int) -> None:
        self.bits, self.depth = bits, depth
        super().__init__(
            {
                "i": In(Chain()), "o": Out(Chain()), "enable": Out(1),
                "address": Out(bits_for_range(depth)), "data": Out(bits),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = -(-self.bits // 8)
        held = Signal(8 * count, reset_less=True)
        place, word = Signal(range(count), reset_less=True), Signal.like(self.address, reset_less=True)
        full, take, ends = Signal(init=1, reset_less=True), Signal(), Signal()
        passed = Signal.like(Cat(self.i.start, self.i.valid, self.i.fresh, self.i.byte), reset_less=True)
        enable, written = Signal(reset_less=True), Signal.like(self.address, reset_less=True)
        m.d.comb += [
            take.eq(self.i.valid & self.i.fresh & ~full),
            ends.eq(take & (place == count - 1)),
            Cat(self.o.start, self.o.valid, self.o.fresh, self.o.byte).eq(passed),
            self.enable.eq(enable),
            self.address.eq(written),
            self.data.eq(held),
        ]
        m.d.sync += [
            passed.eq(Cat(self.i.start, self.i.valid, self.i.fresh & ~take, self.i.byte)),
            enable.eq(ends),
            written.eq(word),
        ]
        with m.If(take):
            m.d.sync += [held.eq(Cat(held, self.i.byte)[8:]), place.eq(Mux(ends, 0, place + 1))]
        with m.If(ends):
            m.d.sync += [word.eq(word + 1), full.eq(word == self.depth - 1)]
        with m.If(self.i.start):
            m.d.sync += [place.eq(0), word.eq(0), full.eq(0)]
        return m


def loadable_cost(bits: int, depth: int, fabric: Fabric, *, registered: bool = True) -> Resources:
    """Predict what a memory takes that can be loaded, and what takes its words off a chain."""
    address, held = bits_for_range(depth), 8 * -(-bits // 8)
    loader = fabric.sum(address) + fabric.counter(held // 8)
    # A byte on its way, an address and where it is written, a word, and what says how far it is.
    loader += fabric.logic(8, CHAIN_BITS + 2 * address + held + 3)
    return loader + fabric.memory(bits, 1 << address, registered=registered)


def loading_ports(loads: bool) -> dict[str, wiring.Member]:
    """Return the ports of a component that can be loaded; none of one that cannot."""
    return {"load": In(Chain()), "loaded": Out(Chain())} if loads else {}


def join_chain(m: Module, source: wiring.PureInterface, sink: wiring.PureInterface) -> None:
    """Connect two chains, whichever of them is a port of the module itself."""
    m.d.comb += [getattr(sink, name).eq(getattr(source, name)) for name in Chain().members]


def lead_chain(m: Module, holder: wiring.Component, parts: Sequence[wiring.Component]) -> None:
    """Lead the chain of a component through its parts, one after the other."""
    source = holder.load
    for part in parts:
        join_chain(m, source, part.load)
        source = part.loaded
    join_chain(m, source, holder.loaded)
