"""A read-only memory whose contents can travel as a file beside the Verilog."""

from dataclasses import dataclass

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range

__all__ = ["Rom", "RomConfig", "shared"]


@dataclass(frozen=True, kw_only=True)
class RomConfig:
    """Contents of one memory: unsigned words of `bits` bits, from address 0 on."""

    words: tuple[int, ...]
    bits: int

    def __post_init__(self) -> None:
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
        return 1


class Rom(wiring.Component):
    """Look a word up.

    Timing
    ------
    Latency 1 cycle, throughput 1 word per cycle. While `enable` is low, `data` keeps its value.

    Where the platform has a method `rom(component)`, that method says how the memory is made (the
    emitter writes its contents to a file); otherwise it is an ordinary Amaranth memory.

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


def shared(platform: object, component: wiring.Component) -> wiring.Component:
    """Return a component of a kind that a design has many of with the same configuration.

    Where the platform has a method `shared(component)`, that one stands in for it: the emitter writes
    a module once for all instances.
    """
    return platform.shared(component) if hasattr(platform, "shared") else component
