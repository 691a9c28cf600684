"""Energy, relative: how many bits change in a simulation while a word passes.

What a chip draws beyond leakage is, to first order, proportional to the bits that change. Counted are all
bits of the named signals of the Verilog, registers and wires, and not the cells of memories; Verilator
writes the counts.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.results import Part
from benchmarks.throughput import MODELS, NETWORKS
from benchmarks.verilated import Run, build, run
from compiler import pipeline
from sim.judge import measure
from sim.verify import open_session

__all__ = ["PARTS", "TEXT", "changes"]

PACE = 12_544
WORDS = 4
PATIENCE = 3600
"""Seconds for a compiler, and for a simulation: the dense network is large."""
TEXT = f"""
The three trained networks, each built for the U250 to have a word every {PACE:,} cycles, and the sparse one
besides as fast as it is by default. Bits of all named signals that change while {WORDS} recorded words pass
a full pipeline, divided by {WORDS}: a relative measure of energy, not of watts. A wire that has names in
several modules counts in each; the clock, the insides of memories and leakage do not count.
"""
KINDS = {
    "interval": "simulated", "multipliers": "counted", "bits_watched": "counted",
    "changes_a_word": "simulated",
}  # fmt: skip
BIT = re.compile(r"^\s*\((\S+) .*\(TC (\d+)\)")
CLOCK = re.compile(r"clk$")


def measure_network(network: str, interval: int | None, folder: Path) -> dict[str, Any]:
    """Build, and simulate twice: once with twice the words, so that filling and draining cancel out."""
    bundle = pipeline.build(
        MODELS / f"{network}.pt", board="u250", interval=interval, output=folder,
        samples=MODELS / "vectors.npz",
    )  # fmt: skip
    sources, simulator = sorted((folder / "rtl").glob("*.v")), folder.with_name("simulator")
    contract = open_session(folder, 1, ["none"]).contract
    build(contract, sources, simulator, optimize="-O1", activity=True, seconds=PATIENCE)
    (few, _, _), (many, bits, found) = (_simulate(folder, simulator, words) for words in (WORDS, 2 * WORDS))
    return {
        "interval": measure(found.recording, contract.predicted).interval_cycles,
        "multipliers": sum(stage["multipliers"] for stage in bundle.report["stages"]),
        "bits_watched": bits,
        "changes_a_word": (many - few) // WORDS,
    }


def _simulate(directory: Path, simulator: Path, words: int) -> tuple[int, int, Run]:
    """Return the changes, the bits that were watched, and the run."""
    counts = directory.with_name(f"{words}.saif")
    session = open_session(directory, words, ["none"])
    found = run(simulator, session, "none", {"wave_from": 0, "wave_file": str(counts)}, seconds=PATIENCE)
    if found.fault:
        raise ValueError(f"{directory}: {found.fault}")
    with counts.open() as lines:
        return (*changes(lines), found)


def changes(lines: Iterable[str]) -> tuple[int, int]:
    """Return how often bits of the design changed, and how many bits it has, in a SAIF file.

    Its clock is left out, and so is the harness around it.
    """
    found = [match for line in _design(lines) if (match := BIT.match(line)) and not CLOCK.match(match[1])]
    return sum(int(match[2]) for match in found), len(found)


def _design(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines between that which opens the instance `dut` and that which closes it."""
    end = None
    for line in lines:
        if end is not None:
            if line.rstrip() == end:
                return
            yield line
        elif line.strip() == "(INSTANCE dut":
            end = line.rstrip().replace("(INSTANCE dut", ")")


PARTS = [
    *(Part("energy", name, partial(measure_network, name, PACE), KINDS) for name in NETWORKS),
    Part("energy", "sparse_sparse-at-full-pace", partial(measure_network, "sparse_sparse", None), KINDS),
]
