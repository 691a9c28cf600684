"""Multiply a number by constants, a bit of them a cycle: as wide as need be, without a multiplier."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["MultiplyByConstants", "MultiplyByConstantsConfig", "multiply_by_constants"]


@dataclass(frozen=True, kw_only=True)
class MultiplyByConstantsConfig:
    """What is multiplied by what.

    Parameters
    ----------
    bits : int
        Of the unsigned number.
    factors : tuple of int
        Positive.
    """

    bits: int
    factors: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.factors or min(self.factors) < 1:
            raise ValueError(f"factors must be positive integers, not {self.factors!r}")

    @property
    def steps(self) -> int:
        """Bits of the largest factor."""
        return max(self.factors).bit_length()

    @property
    def product_bits(self) -> int:
        """Bits of every product: none overflows."""
        return self.bits + self.steps

    @property
    def latency(self) -> int:
        """Cycles from a number's being taken to its products' being offered."""
        return self.steps + 1


def multiply_by_constants(config: MultiplyByConstantsConfig, number: int) -> list[int]:
    """Return the products."""
    return [number * factor for factor in config.factors]


class MultiplyByConstants(wiring.Component):
    """Give all products of one number at once.

    Timing
    ------
    Latency a cycle for each bit of the largest factor and one more. One number at a time.

    Resources
    ---------
    An adder and a register a factor, and a shift register, of `product_bits` each (estimated).

    Parameters
    ----------
    config : MultiplyByConstantsConfig

    Members
    -------
    i : In(stream.Signature(config.bits))
    o : Out(stream.Signature(ArrayLayout(config.product_bits, len(config.factors))))
    """

    def __init__(self, config: MultiplyByConstantsConfig) -> None:
        self.config = config
        products = data.ArrayLayout(config.product_bits, len(config.factors))
        super().__init__({"i": In(stream.Signature(config.bits)), "o": Out(stream.Signature(products))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        shifted, step, busy = Signal(config.product_bits), Signal(range(config.steps)), Signal()
        m.d.comb += self.i.ready.eq(~busy & ~self.o.valid)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [shifted.eq(self.i.payload), step.eq(0), busy.eq(1), self.o.payload.eq(0)]
        with m.If(busy):
            m.d.sync += [shifted.eq(shifted << 1), step.eq(step + 1)]
            for number, factor in enumerate(config.factors):
                bits = Cat(factor >> place & 1 == 1 for place in range(config.steps))
                with m.If(bits.bit_select(step, 1)):
                    m.d.sync += self.o.payload[number].eq(self.o.payload[number] + shifted)
            with m.If(step == config.steps - 1):
                m.d.sync += [busy.eq(0), self.o.valid.eq(1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
