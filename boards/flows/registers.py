"""Multipliers and memories of an ECP5 with registers of their own: bare ones make a design a third slower.

Yosys infers MULT18X18D and DP16KD without their registers and leaves those of the design in the fabric. Here
those right in front of and right behind a multiplier, then those right behind a memory, move into it; cycles
and values stay what they were.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

__all__ = ["absorb_registers"]

MULTIPLIER, MEMORY, REGISTER = "MULT18X18D", "DP16KD", "TRELLIS_FF"
FACTORS = tuple(f"{factor}{bit}" for factor in "AB" for bit in range(18))
PRODUCT = tuple(f"P{bit}" for bit in range(36))
CLOCKED = {
    f"REG_{name}_{pin}": f"{pin}0" for name in ("INPUTA", "INPUTB", "OUTPUT") for pin in ("CLK", "CE", "RST")
}

Cell = dict[str, Any]
Bit = int | str


def absorb_registers(module: dict[str, Any]) -> int:
    """Move registers within a module, as Yosys writes it in JSON; return how many cells took some.

    A multiplier takes the registers of both factors and of the product, or none: only if all are free of
    enables and resets, start at 0 and share a clock, and nothing else reads the bare product. By the same
    rule a memory takes those of all that one of its ports reads.
    """
    return _into_multipliers(module) + _into_memories(module)


def _into_multipliers(module: dict[str, Any]) -> int:
    cells = module["cells"]
    registers = _registers(cells, "Q")
    behind, readers = _registers(cells, "DI"), _readers(module)
    changed, copied = 0, set()
    for multiplier in [cell for cell in cells.values() if cell["type"] == MULTIPLIER]:
        before, after = _around(multiplier, registers, behind, readers)
        names = [*before.values(), *after.values()]
        clocks = {cells[name]["connections"]["CLK"][0] for name in names if name is not None}
        if None in names or len(clocks) != 1:
            continue
        _absorb(multiplier, cells, before, after, clocks.pop())
        changed += 1
        copied |= set(before.values())
        for name in set(after.values()):
            del cells[name]
    readers = _readers(module)
    for name in copied:
        if not readers[cells[name]["connections"]["Q"][0]]:
            del cells[name]
    return changed


def _registers(cells: dict[str, Cell], pin: str) -> dict[Bit, str]:
    """Return the plain registers, by what one of their pins is connected to."""
    return {cell["connections"][pin][0]: name for name, cell in cells.items() if _is_plain_register(cell)}


def _is_plain_register(cell: Cell) -> bool:
    """Return whether a cell is a register that only its clock governs, and that starts at 0."""
    if cell["type"] != REGISTER:
        return False
    settings = {name: str(value).strip() for name, value in cell["parameters"].items()}
    free = settings.get("CEMUX", "1") == "1" and settings.get("CLKMUX", "CLK") == "CLK"
    reset = cell["connections"].get("LSR", [])
    return free and settings.get("REGSET", "RESET") == "RESET" and reset in ([], ["0"], ["x"])


def _readers(module: dict[str, Any]) -> Counter[Bit]:
    """Return how many pins read each bit, ports of the module among them."""
    count: Counter[Bit] = Counter()
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                count.update(bits)
    for port in module["ports"].values():
        count.update(port["bits"])
    return count


def _around(
    multiplier: Cell, registers: dict[Bit, str], behind: dict[Bit, str], readers: Counter[Bit]
) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Return the register at each pin in use of the factors and of the product; None where none is."""
    used = {pin: bits[0] for pin, bits in multiplier["connections"].items() if bits}
    before = {pin: registers.get(used[pin]) for pin in FACTORS if used.get(pin, "0") != "0"}
    return before, _behind(multiplier, PRODUCT, behind, readers)


def _behind(
    cell: Cell, pins: Iterable[str], behind: dict[Bit, str], readers: Counter[Bit]
) -> dict[str, str | None]:
    """Return the register behind each output that is read; None where none is."""
    driven = {pin: bits[0] for pin in pins if (bits := cell["connections"].get(pin))}
    read = {pin: bit for pin, bit in driven.items() if readers[bit]}
    # Whoever else reads a bit would get it a cycle late.
    return {pin: behind.get(bit) if readers[bit] == 1 else None for pin, bit in read.items()}


def _absorb(
    multiplier: Cell, cells: dict[str, Cell], before: dict[str, str], after: dict[str, str], clock: Bit
) -> None:
    connections = multiplier["connections"]
    connections |= {pin: cells[name]["connections"]["DI"] for pin, name in before.items()}
    connections |= {pin: cells[name]["connections"]["Q"] for pin, name in after.items()}
    connections |= {"CLK0": [clock], "CE0": ["1"], "RST0": ["0"]}
    multiplier["port_directions"] |= {"CLK0": "input", "CE0": "input", "RST0": "input"}
    multiplier["parameters"] |= CLOCKED


def _into_memories(module: dict[str, Any]) -> int:
    cells, readers = module["cells"], _readers(module)
    behind = _registers(cells, "DI")
    changed = 0
    for memory in [cell for cell in cells.values() if cell["type"] == MEMORY]:
        pins = memory["connections"]
        for side in "AB":
            after = _behind(memory, [f"DO{side}{bit}" for bit in range(18)], behind, readers)
            clocks = {tuple(cells[name]["connections"]["CLK"]) for name in after.values() if name}
            ungoverned = [pins[f"{pin}{side}"] for pin in ("CE", "OCE", "RST")] == [["1"], ["1"], ["0"]]
            if None in after.values() or clocks != {tuple(pins[f"CLK{side}"])} or not ungoverned:
                continue
            pins |= {pin: cells[name]["connections"]["Q"] for pin, name in after.items()}
            memory["parameters"][f"REGMODE_{side}"] = "OUTREG"
            for name in after.values():
                del cells[name]
            changed += 1
    return changed
