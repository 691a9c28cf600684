"""What the cells of each family occupy, and how signals pass through them without a clock.

A cell that stands in no table here takes nothing and is taken to hold registers at all its pins.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["CARRIES", "FAMILIES", "Family", "Pass", "passes", "resources_of"]

LUTS = {
    # A RAM32M16 fills the eight lookup tables of a slice, whatever part of it is used.
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    **{"INV": 1, "SRL16E": 1, "SRLC32E": 1, "RAM32M16": 8, "RAM64M8": 8, "RAM32M": 4, "RAM64M": 4},
    **{"RAM32X1S": 1, "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4},
    **{"RAM256X1S": 4, "RAM256X1D": 8, "RAM512X1S": 8},
    # nextpnr counts four lookup tables that hold a TRELLIS_DPR16X4 and two that its write port blocks.
    **{"CCU2C": 2, "TRELLIS_DPR16X4": 6},
}
FFS = {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1, "TRELLIS_FF": 1}
MULTIPLIERS = {"DSP48E2": 1, "MULT18X18D": 1}
BLOCK_RAMS = {"RAMB36E2": 1, "RAMB18E2": 0.5, "DP16KD": 1}
URAMS = {"URAM288": 1}

CARRIES = {"CARRY4", "CARRY8", "CCU2C"}
"""Cells of carry chains."""


@dataclass(frozen=True)
class Family:
    """How Yosys maps to a family: its command, with the options that suit a part of a design."""

    command: str


FAMILIES: Mapping[str, Family] = {
    # Hierarchy stays: flattening a stage of hundreds of multipliers takes many minutes.
    "synth_xilinx -family xcup": Family("synth_xilinx -family xcup -noiopad -noclkbuf"),
    "synth_ecp5": Family("synth_ecp5 -noiopad -noflatten"),
}
"""By the command that a board names."""


def resources_of(cells: Mapping[str, int], block_ram: str) -> dict[str, float]:
    """Return what cells occupy, by resource; `block_ram` is what the board calls its block RAM.

    >>> resources_of({"LUT6": 3, "RAM32M16": 1, "RAMB18E2": 3}, "bram36")
    {'lut': 11, 'ff': 0, 'dsp': 0, 'bram36': 1.5, 'uram': 0}
    """
    tables = {"lut": LUTS, "ff": FFS, "dsp": MULTIPLIERS, block_ram: BLOCK_RAMS, "uram": URAMS}
    amounts = {
        name: sum(price * cells.get(cell, 0) for cell, price in table.items())
        for name, table in tables.items()
    }
    return {name: int(amount) if amount == int(amount) else amount for name, amount in amounts.items()}


@dataclass(frozen=True)
class Pass:
    """A way through a cell: from some of its pins to others, in so many levels."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    levels: int = 1


def _memory(ports: str) -> list[Pass]:
    return [Pass((f"ADDR{port}",), (f"DO{port}",)) for port in ports]


FIXED: dict[str, list[Pass]] = {
    **{f"LUT{n}": [Pass(tuple(f"I{i}" for i in range(n)), ("O",))] for n in range(1, 7)},
    "INV": [Pass(("I",), ("O",))],
    # Multiplexers behind lookup tables share their slice: no level of their own.
    **{mux: [Pass(("I0", "I1", "S"), ("O",), 0)] for mux in ("MUXF7", "MUXF8", "MUXF9")},
    **{carry: [Pass(("CI", "CYINIT", "CI_TOP", "DI", "S"), ("O", "CO"))] for carry in ("CARRY4", "CARRY8")},
    **{"RAM32M16": _memory("ABCDEFGH"), "RAM64M8": _memory("ABCDEFGH")},
    **{"RAM32M": _memory("ABCD"), "RAM64M": _memory("ABCD")},
    "SRL16E": [Pass(("A0", "A1", "A2", "A3"), ("Q",))],
    "SRLC32E": [Pass(("A",), ("Q",))],
    "PFUMX": [Pass(("ALUT", "BLUT", "C0"), ("Z",), 0)],
    "L6MUX21": [Pass(("D0", "D1", "SD"), ("Z",), 0)],
    "CCU2C": [Pass(("CIN", *(f"{pin}{half}" for half in "01" for pin in "ABCD")), ("S0", "S1", "COUT"))],
    "TRELLIS_DPR16X4": [Pass(("RAD",), ("DO",))],
}

ECP5_LUT = [Pass(("A", "B", "C", "D"), ("Z",))]


def passes(kind: str, parameters: Mapping[str, str], pins: Mapping[str, object]) -> Iterator[Pass]:
    """Yield the ways through a cell; none if it has a register on each."""
    if kind == "LUT4" and "Z" in pins:
        yield from ECP5_LUT
    elif kind == "DSP48E2":
        yield from _dsp48(parameters)
    elif kind == "MULT18X18D":
        clocks = [str(parameters.get(f"REG_{name}_CLK", "NONE")) for name in ("PIPELINE", "OUTPUT")]
        if clocks == ["NONE", "NONE"]:
            inputs = [p for p in "AB" if str(parameters.get(f"REG_INPUT{p}_CLK", "NONE")) == "NONE"]
            pins_in = tuple(f"{p}{bit}" for p in inputs for bit in range(18))
            yield Pass(pins_in, tuple(f"P{bit}" for bit in range(36)))
    else:
        yield from FIXED.get(kind, [])


def _dsp48(parameters: Mapping[str, str]) -> Iterator[Pass]:
    def registered(name: str) -> bool:
        return "1" in str(parameters.get(name, "1"))

    if registered("PREG"):
        return
    factors = () if registered("MREG") else tuple(p for p in "ABD" if not registered(f"{p}REG"))
    addends = ("PCIN",) if registered("CREG") else ("C", "PCIN")
    yield Pass((*factors, *addends), ("P", "PCOUT"))
