"""Make random mutants of a build directory's Verilog: all in one design, a number says which is alive."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from pyosys import libyosys

from sim.contract import Contract

__all__ = ["Mutant", "mutate", "read_design", "run_passes", "watched", "wrap"]

SELECT = "mutant"
"""The input that says which mutant is alive; none is at 0."""

BITS = 16

LIST = "mutations.txt"

TOP = """module top (
    input clk, input rst,
    input [{in_msb}:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
    output [{out_msb}:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output m_axis_tlast,
    output frame_error
);
  logic [{bits} - 1:0] {select};
  initial if ($value$plusargs("{select}=%d", {select}) == 0) {select} = 0;
  original mutated (.*);
endmodule
"""


@dataclass(frozen=True)
class Mutant:
    """One change: `mode` says which (inverted, stuck, dependent on another bit), the others where."""

    number: int
    mode: str
    module: str
    cell: str
    port: str
    command: str

    def __str__(self) -> str:
        return f"{self.mode} at {self.module}/{self.cell}.{self.port}"


def run_passes(design: libyosys.Design, *commands: str) -> None:
    """Run commands of Yosys without their logs."""
    for command in commands:
        design.run_pass(f"tee -q {command}")


def read_design(directory: Path) -> libyosys.Design:
    """Return the Verilog of a build directory as cells, without what nothing depends on."""
    design = libyosys.Design()
    reads = [f"read_verilog {source}" for source in sorted((directory / "rtl").glob("*.v"))]
    run_passes(design, *reads, "hierarchy -check -top top", "proc", "opt_clean", "memory_collect")
    return design


def mutate(directory: Path, count: int, seed: int, folder: Path) -> tuple[list[Mutant], list[Path]]:
    """Write a design with `count` random mutants; return them, and its sources.

    Parameters
    ----------
    directory : Path
        A build directory.
    count : int
        Fewer come back if the design has fewer places.
    seed : int
        The same gives the same mutants.
    folder : Path
        Gets `mutated.v` and `mutated.il`, whose top module `original` has the input `mutant`.
    """
    # In a process of its own: Yosys numbers what has no name, and which mutants it draws depends on names.
    process = get_context("spawn").Process(target=_write, args=(directory, count, seed, folder.resolve()))
    process.start()
    process.join()
    if process.exitcode:
        raise ChildProcessError(f"mutating {directory} ended with status {process.exitcode}")
    return _listed(folder), [folder / "mutated.v"]


def _write(directory: Path, count: int, seed: int, folder: Path) -> None:
    os.chdir(directory)  # names have the paths of files in them, too
    design = read_design(Path())
    run_passes(design, f"mutate -list {count} -seed {seed} -ctrl {SELECT} {BITS} 1 -o {folder / LIST}")
    run_passes(design, *(mutant.command for mutant in _listed(folder)), "rename top original")
    run_passes(design, f"write_rtlil {folder / 'mutated.il'}")
    run_passes(design, f"write_verilog -noattr -norename {folder / 'mutated.v'}")


def _listed(folder: Path) -> list[Mutant]:
    return [_read(number, line) for number, line in enumerate((folder / LIST).read_text().splitlines(), 1)]


def _read(number: int, line: str) -> Mutant:
    # Sources are for people; they name paths of this machine, with characters that mean something to Yosys.
    command = re.sub(r" -(src|wire|wirebit) \S+", "", line)
    options = dict(re.findall(r"-(\w+) (\S+)", command))
    port = f"{options['port']}[{options['portbit']}]"
    cell = re.sub(r"\$(\w+)\$.*?([^/$]+\$\d+)$", r"$\1$\2", options["cell"])
    return Mutant(number, options["mode"], options["module"], cell, port, command)


def wrap(contract: Contract, folder: Path) -> Path:
    """Write the module `top` that takes the number of the living mutant from the command line."""
    path = folder / "top.sv"
    msbs = {"in_msb": contract.input.data_bits - 1, "out_msb": contract.output.data_bits - 1}
    path.write_text(TOP.format(**msbs, bits=BITS, select=SELECT))
    return path


def watched(contract: Contract) -> Contract:
    """Return the contract of the wrapped design, whose streams lie a level deeper."""

    def deeper(name: str) -> str:
        return name.replace("top.", "top.mutated.", 1)

    taps: Sequence = [
        replace(tap, valid=deeper(tap.valid), ready=deeper(tap.ready), payload=deeper(tap.payload))
        for tap in contract.streams
    ]
    return replace(contract, streams=tuple(taps))
