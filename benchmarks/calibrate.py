"""Compare what configurations predict of a chip with what Yosys takes: `python -m benchmarks.calibrate`.

Prints, for each component of a table, predicted and synthesized resources side by side, and how far they
are apart. Names of components, or parts of them, choose some of the table.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring
from pyosys import libyosys

from benchmarks.calibration_table import components
from boards.synthesis.brackets import rename_brackets
from boards.synthesis.job import MAP_LUTS
from hdl.resources import ECP5, ULTRASCALE_PLUS, Fabric, Resources

__all__ = ["COMMANDS", "cells_of", "compare", "count", "synthesize"]

COMMANDS = {
    ULTRASCALE_PLUS.name: "synth_xilinx -family xcup -noiopad -noclkbuf",
    ECP5.name: "synth_ecp5",
}

LUTS_OF_CELL = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    **{"SRL16E": 1, "SRLC32E": 1, "RAM32M16": 8, "RAM64M8": 8, "RAM32M": 4, "RAM64M": 4},
    **{"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32X1S": 1, "RAM64X1S": 1},
    **{"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
}
"""Lookup tables that a cell occupies; a distributed memory of ECP5 has four and blocks two more."""

BLOCK_RAMS_OF_CELL = {"RAMB36E2": 1, "RAMB18E2": 0.5, "DP16KD": 1}
MULTIPLIERS = ("DSP48E2", "MULT18X18D")
REGISTERS = ("FDRE", "FDSE", "FDCE", "FDPE", "TRELLIS_FF")


def synthesize(component: wiring.Component, fabric: Fabric) -> Resources:
    """Return what a component takes after synthesis, before placement."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "design.il")
        source.write_text(rtlil.convert(component, name="top", emit_src=False))
        design = libyosys.Design()
        design.run_pass(f"tee -q read_rtlil {source}")
    return count(cells_of(design, f"{COMMANDS[fabric.name]} -top top"))


def cells_of(design: libyosys.Design, command: str) -> dict[str, int]:
    """Return the cells of each kind that a synthesis command makes of a design."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch, "cells.json")
        design.run_pass(f"tee -q {command} -run begin:{MAP_LUTS}")
        rename_brackets(libyosys, design)
        design.run_pass(f"tee -q {command} -run {MAP_LUTS}:check")
        design.run_pass(f"tee -q -o {answer} stat -json")
        text = answer.read_text()
    return json.loads(text[text.index("{") : text.rindex("}") + 1])["design"]["num_cells_by_type"]


def count(cells: dict[str, int]) -> Resources:
    """Add up what cells occupy."""
    return Resources(
        lut=sum(LUTS_OF_CELL.get(cell, 0) * number for cell, number in cells.items()),
        ff=sum(cells.get(cell, 0) for cell in REGISTERS),
        dsp=sum(cells.get(cell, 0) for cell in MULTIPLIERS),
        block_ram=sum(BLOCK_RAMS_OF_CELL.get(cell, 0) * number for cell, number in cells.items()),
        uram=cells.get("URAM288", 0),
    )


def compare(names: list[str], fabrics: list[Fabric]) -> Iterator[str]:
    """Yield a line of predicted and synthesized figures for each component whose name has one of `names`."""
    yield f"{'component':44}{'LUT':>16}{'':>7}{'FF':>14}{'DSP':>9}{'block RAM':>13}"
    for name, make in components():
        if names and not any(part in name for part in names):
            continue
        for fabric in fabrics:
            component = make()
            predicted, found = component.config.cost(fabric), synthesize(component, fabric)
            error = f"{100 * (predicted.lut / found.lut - 1):+.0f} %" if found.lut else ""
            yield (
                f"{fabric.name[:5]:6}{name:38}{predicted.lut:>8}{found.lut:>8}{error:>7}"
                f"{predicted.ff:>7}{found.ff:>7}{predicted.dsp:>5}{found.dsp:>4}"
                f"{predicted.block_ram:>7}{found.block_ram:>6}"
            )


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="components, or parts of their names; all unless given")
    parser.add_argument("--family", choices=["ultrascale+", "ecp5", "both"], default="both")
    options = parser.parse_args()
    families = {"ultrascale+": [ULTRASCALE_PLUS], "ecp5": [ECP5], "both": [ULTRASCALE_PLUS, ECP5]}
    for line in compare(options.names, families[options.family]):
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
