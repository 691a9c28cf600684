"""Simulate what synthesis makes of a design: its cells, by the models that come with Yosys.

    python -m benchmarks.netlists [NETWORK ...]

Covers look-up tables, carry chains, multiplexers, registers and memories of look-up tables. Multipliers and
block memories have no model there that a simulator can run, so that here they are made of tables, too.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyosys
from pyosys import libyosys

import boards
import compiler
from benchmarks.mutants import run_passes
from benchmarks.networks import network
from benchmarks.verilated import build, run
from sim.session import STALLS, open_session
from sim.verilator import scratch_folder

__all__ = ["FAMILIES", "netlist_faults"]

SHARE = Path(pyosys.__file__).parent / "share"
FAMILIES = {
    "ecp5-85f": ("-nodsp -nobram", SHARE / "ecp5" / "cells_sim.v"),
    "u250": ("-nodsp -nobram -noiopad -noclkbuf", SHARE / "xilinx" / "cells_sim.v"),
}
"""By board: what is left out, and the models of its cells."""

NETWORKS = ("image_out", "one_by_one", "linear_only")


def netlist_faults(directory: Path, board: str, folder: Path) -> list[str | None]:
    """Synthesize a build directory, play its vectors into the netlist; return the fault of each pattern."""
    options, models = FAMILIES[board]
    design = libyosys.Design()
    reads = [f"read_verilog {source}" for source in sorted((directory / "rtl").glob("*.v"))]
    command = f"{boards.find(board).synthesis} {options} -flatten -top top"
    if "ecp5" in command:
        command = command.replace(" -flatten", "")  # it always does
    # Memories that ask for block RAM get it even where it is left out.
    run_passes(
        design, *reads, "setattr -unset rom_style", command, f"write_verilog -noattr {folder / 'netlist.v'}"
    )
    session = open_session(directory, None, STALLS)
    # The names of the internal streams are gone.
    session = replace(session, contract=replace(session.contract, streams=()))
    simulator = build(
        session.contract, [folder / "netlist.v", models], folder / "simulator", options=[f"-I{models.parent}"]
    )
    return [run(simulator, session, stall).fault for stall in STALLS]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its status: 1 if any netlist is wrong."""
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.netlists", description=what)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    wrong = 0
    for name in parser.parse_args(arguments).networks or NETWORKS:
        model, shape = network(name)
        for board in FAMILIES:
            started = time.monotonic()
            with scratch_folder() as folder:
                bundle = compiler.build(model, board=board, input_shape=shape, output=folder / "out")
                faults = [fault for fault in netlist_faults(bundle.directory, board, folder) if fault]
            wrong += bool(faults)
            verdict = "; ".join(faults) or "bit-exact and in time"
            print(f"{name}, {board}: {verdict} ({time.monotonic() - started:.0f} s)", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
