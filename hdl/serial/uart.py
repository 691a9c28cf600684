"""Characters on a serial line: a start bit, eight bits from the lowest on, a stop bit."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["UartConfig", "UartReceiver", "UartTransmitter", "line_levels"]

PHASE_BITS = 16
BITS = 10
"""Of a character on the line: start, eight of data, stop."""
BROKEN = BITS + 1
"""Stands where a receiver counts the bits that are left, after a character without a stop bit."""


@dataclass(frozen=True, kw_only=True)
class UartConfig:
    """Speed of a line.

    Parameters
    ----------
    clock_hz : int
        Of the domain.
    baud : int
        Bits a second; at most a sixth of the clock, so that a bit is sampled well inside.
    """

    clock_hz: int
    baud: int

    def __post_init__(self) -> None:
        if not 0 < self.baud * 6 <= self.clock_hz:
            raise ValueError(f"baud must be positive and at most a sixth of the clock, not {self.baud!r}")

    @property
    def step(self) -> int:
        """What a cycle adds to the phase, of which 2**16 are a bit; off by less than 0.02 % at 3 Mbaud."""
        return round((self.baud << PHASE_BITS) / self.clock_hz)

    @property
    def cycles_per_character(self) -> float:
        """Cycles from one character to the next at full speed."""
        return BITS * (1 << PHASE_BITS) / self.step


def line_levels(config: UartConfig, characters: bytes, *, skew: float = 1.0) -> np.ndarray:
    """Return the level of the line, cycle by cycle, that a sender `skew` times too fast would make.

    bool[cycles]; the line rests for one bit before and after.
    """
    bits = [1]
    for character in characters:
        bits += [0, *(character >> bit & 1 for bit in range(8)), 1]
    bits.append(1)
    cycles = np.arange(int(len(bits) * config.clock_hz / config.baud / skew))
    return np.array(bits, dtype=bool)[(cycles * config.baud * skew / config.clock_hz).astype(int)]


class UartReceiver(wiring.Component):
    """Turn the levels of a line into characters.

    Timing
    ------
    A character is offered for one cycle, in the middle of its stop bit: whoever is not ready loses it.
    Nothing is offered without a stop bit; the next character begins once the line has rested.

    Parameters
    ----------
    config : UartConfig

    Members
    -------
    line : In(1)
        Asynchronous; rests at 1.
    o : Out(stream.Signature(8, always_ready=True))
    """

    def __init__(self, config: UartConfig) -> None:
        self.config = config
        super().__init__({"line": In(1, init=1), "o": Out(stream.Signature(8, always_ready=True))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        level = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.line, level, init=1)
        phase, sample = Signal(PHASE_BITS), Signal()
        taken, left = Signal(BITS - 1), Signal(range(BROKEN + 1))
        m.d.comb += [self.o.payload.eq(taken[1:]), self.o.valid.eq(sample & (left == 1) & level)]
        m.d.sync += Cat(phase, sample).eq(phase + self.config.step)
        # Half a bit on, but for the cycle that a sample is late, and the half that a start is seen late.
        begin = (1 << (PHASE_BITS - 1)) + 3 * self.config.step // 2
        with m.If(left == 0):
            m.d.sync += [phase.eq(begin), sample.eq(0), left.eq(Mux(level, 0, BITS))]
        with m.Elif(sample):
            m.d.sync += [taken.eq(Cat(taken[1:], level)), left.eq(left - 1)]
            with m.If((left == BITS) & level):
                m.d.sync += left.eq(0)  # a start bit that did not last was none
            with m.Elif(((left == 1) | (left == BROKEN)) & ~level):
                m.d.sync += left.eq(BROKEN)  # no stop bit: wait for the line to rest
            with m.Elif(left == BROKEN):
                m.d.sync += left.eq(0)
        return m


class UartTransmitter(wiring.Component):
    """Turn characters into the levels of a line.

    Timing
    ------
    Throughput one character in `config.cycles_per_character` cycles; honors backpressure.

    Parameters
    ----------
    config : UartConfig

    Members
    -------
    i : In(stream.Signature(8))
    line : Out(1)
        Rests at 1.
    """

    def __init__(self, config: UartConfig) -> None:
        self.config = config
        super().__init__({"i": In(stream.Signature(8)), "line": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        phase, tick = Signal(PHASE_BITS), Signal()
        waiting, left = Signal(BITS, init=~0), Signal(range(BITS + 1))
        m.d.comb += self.i.ready.eq((left == 0) & tick)
        m.d.sync += Cat(phase, tick).eq(phase + self.config.step)
        with m.If(tick):
            m.d.sync += self.line.eq(waiting[0])
            with m.If(left != 0):
                m.d.sync += [waiting.eq(Cat(waiting[1:], 1)), left.eq(left - 1)]
            with m.Elif(self.i.valid):
                # What follows the byte is the stop bit, and the line at rest.
                character = Cat(self.i.payload, Const(0b11, 2))
                m.d.sync += [self.line.eq(0), waiting.eq(character), left.eq(BITS - 1)]
        return m
