"""The clock of a design on an ECP5, made from that of the board."""

import re
from dataclasses import dataclass

from amaranth.hdl import Const, Instance, Signal

__all__ = ["Pll", "retune"]

SLOWEST_MHZ, FASTEST_MHZ = 400, 800
"""Limits of the oscillator inside."""


@dataclass(frozen=True)
class Pll:
    """Input × `multiplier` ÷ `divider`; the oscillator runs at input × `multiplier`.

    >>> Pll.nearest(25, 96)
    Pll(input_mhz=25, multiplier=23, divider=6)
    >>> Pll.nearest(25, 96).output_mhz
    95.83333333333333
    """

    input_mhz: float
    multiplier: int
    divider: int

    @property
    def output_mhz(self) -> float:
        """What comes out."""
        return self.input_mhz * self.multiplier / self.divider

    @classmethod
    def nearest(cls, input_mhz: float, most_mhz: float) -> "Pll":
        """Return the fastest clock of at most `most_mhz`. Raises ValueError if there is none."""
        oscillators = [n for n in range(1, 129) if SLOWEST_MHZ <= input_mhz * n <= FASTEST_MHZ]
        choices = [cls(input_mhz, n, divider) for n in oscillators for divider in range(2, 129)]
        slow = [choice for choice in choices if choice.output_mhz <= most_mhz * (1 + 1e-9)]
        if not slow:
            raise ValueError(f"most_mhz must be reachable, not {most_mhz!r}")
        return max(slow, key=lambda choice: (choice.output_mhz, -choice.multiplier))

    def instance(self, source: Signal, output: Signal, locked: Signal) -> Instance:
        """Return the primitive. Its feedback takes one output, the design another."""
        feedback = Signal()
        return Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=str(self.input_mhz), a_FREQUENCY_PIN_CLKOS=str(self.output_mhz),
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8",
            p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED", p_FEEDBK_PATH="CLKOP", p_CLKI_DIV=1, p_CLKFB_DIV=1,
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=self.multiplier, p_CLKOP_CPHASE=self.multiplier - 1,
            p_CLKOS_ENABLE="ENABLED", p_CLKOS_DIV=self.divider, p_CLKOS_CPHASE=self.divider - 1,
            i_CLKI=source, i_CLKFB=feedback, i_RST=Const(0), i_STDBY=Const(0), i_ENCLKOP=Const(0),
            i_ENCLKOS=Const(0), i_PHASESEL0=Const(0), i_PHASESEL1=Const(0), i_PHASEDIR=Const(0),
            i_PHASESTEP=Const(0), i_PHASELOADREG=Const(0), i_PLLWAKESYNC=Const(0),
            o_CLKOP=feedback, o_CLKOS=output, o_LOCK=locked,
        )  # fmt: skip


def retune(textual: str, pll: Pll) -> str:
    """Return a routed design (nextpnr's text) with the dividers of another clock of the same input.

    Where its slowest path allows less than it was routed for, a design need not be routed again.
    """
    for name, value in {
        "CLKOP_DIV": pll.multiplier - 1, "CLKOP_CPHASE": pll.multiplier - 1,
        "CLKOS_DIV": pll.divider - 1, "CLKOS_CPHASE": pll.divider - 1,
    }.items():  # fmt: skip
        textual, count = re.subn(rf"(?m)^(word: {name}) [01]{{7}}$", rf"\1 {value:07b}", textual)
        if count != 1:
            raise ValueError(f"textual must set {name} once, not {count} times")
    return textual
