"""Whether a mutant can be told from the original at all: induction by ABC's property-directed reachability.

The original and the mutant get the same inputs, whatever these are, resets at any time included; only the
rules of the input stream are kept. They share every register that the mutation cannot reach. The registers of
some stages, those around the mutation, are followed exactly; all others may hold anything at any time. Where
nothing that these stages hand on can ever differ, the mutant is equivalent: with no stages, that is what the
registers take over, else what their streams carry while it is valid, and their readiness. Often a difference
dies sooner, in the register that holds it: then the proof is short, being about what reads that one alone.
"""

import re
import resource
import subprocess
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pyosys
from pyosys import libyosys

from benchmarks.aiger import Aig, Copy, Netlist, is_false, read_netlist
from benchmarks.mutants import SELECT, Mutant, run_passes

__all__ = ["Attempt", "attempts", "proved_equivalent", "whole_netlist"]

ABC = Path(pyosys.__file__).with_name("yosys-abc")
BITS = (
    "opt -full", "memory_map", "opt -full", "techmap", "opt", "setundef -zero", "dffunmap", "aigmap",
    "opt_clean",
)  # fmt: skip
PROVE = (
    "read_aiger miter.aig; strash; scorr; dc2; scorr -F 3; dc2; write_aiger reduced.aig; pdr",
    "read_aiger miter.aig; strash; pdr",
)
"""Registers that are always equal become one first; often nothing is left."""

PROVE_NEAR = "read_aiger miter.aig; strash; scorr; pdr", PROVE[1]
"""Where a difference must die within a few registers there is little to make one."""

COMPARE = ("read_aiger miter.aig; strash; dc2; bmc3 -F 1",)
"""Without registers one cycle is all there is."""

NEIGHBORS = (0, 0, None), (1, 1, None), (0, 2, None), (0, 0, 1), (0, 1, 1), (2, 1, 1), (4, 1, None)
"""Stages before and behind the mutated one that are followed, too, and the reach: see `Attempt`."""


class Attempt(NamedTuple):
    """What one proof assumes: `follow` are the neighboring stages whose registers are followed exactly.

    `reach` is the number of registers in a row that a difference may meet, and is unlimited if None: no other
    register may ever take over a wrong bit.
    """

    follow: tuple[str, ...] = ()
    reach: int | None = None

    def __str__(self) -> str:
        where = " → ".join(self.follow) or "any states"
        return where + (f", {self.reach} register deep" if self.reach else "")


def whole_netlist(folder: Path, stages: Sequence[str]) -> Netlist:
    """Return the design of `benchmarks.mutants.mutate` as bits; its stages' streams are among its outputs."""
    design = libyosys.Design()
    run_passes(design, f"read_rtlil {folder / 'mutated.il'}", "hierarchy -top original", "flatten")
    ends = ("o__valid", "o__ready", "o__payload")
    exposed = [f"expose original/w:{stage}.{end}" for stage in stages for end in ends]
    written = f"-zinit -map {folder / 'whole.map'} {folder / 'whole.aig'}"
    run_passes(design, *exposed, *BITS, f"write_aiger {written}")
    return read_netlist(folder / "whole.aig", folder / "whole.map")


def attempts(mutant: Mutant, stages: Sequence[str]) -> list[Attempt]:
    """Return what to try: to follow no stage, the mutated one, more around it."""
    inner = mutant.module.removeprefix("top.")
    mine = _stage_of(inner, stages)
    neighbors = NEIGHBORS
    if mine is None:  # a wire between stages
        mine, neighbors = _stage_of(mutant.cell, stages), NEIGHBORS[1:]
    if mine is None:
        return [Attempt(), Attempt(tuple(stages))]
    at = stages.index(mine)
    around = [
        Attempt(tuple(stages[max(0, at - before) : at + behind + 1]), reach)
        for before, behind, reach in neighbors
    ]
    return list(dict.fromkeys([Attempt(), *around]))


def _stage_of(name: str, stages: Sequence[str]) -> str | None:
    def belongs(stage: str) -> bool:
        return re.fullmatch(rf"{re.escape(stage)}([._](?:\w*?\d+)?.*)?", name) is not None

    return max(filter(belongs, stages), key=len, default=None)


def proved_equivalent(
    netlist: Netlist, stages: Sequence[str], attempt: Attempt, mutant: Mutant, folder: Path, seconds: int
) -> bool | None:
    """Say whether a mutant is proved equivalent.

    Parameters
    ----------
    netlist : Netlist
        Of `whole_netlist`.
    stages : sequence of str
        All, in order.
    attempt : Attempt
    mutant : Mutant
    folder : Path
        For scratch files.
    seconds : int
        Of the processor, for each of two ways.

    Returns
    -------
    bool or None
        Whether it is equivalent where all other registers may hold anything; None if time ran out.
    """
    miter = _Miter(netlist, stages, attempt, mutant.number)
    if miter.bad == 0:
        return True
    registers, _ = miter.aig.write(folder / "miter.aig", miter.next, miter.bad)
    reduced = folder / "reduced.aig"
    for script in COMPARE if not registers else PROVE_NEAR if attempt.reach else PROVE:
        reduced.unlink(missing_ok=True)
        result = subprocess.run(
            [str(ABC), "-c", script], cwd=folder, capture_output=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
        )  # fmt: skip
        if "was asserted" in result.stdout:
            return False
        if "Property proved" in result.stdout or not registers and "No output asserted" in result.stdout:
            return True
        if reduced.is_file() and is_false(reduced):  # of which pdr says "undecided"
            return True
    return None


class _Miter:
    """The original and a mutant as one circuit, whose output `bad` says that they differ where it counts."""

    def __init__(self, netlist: Netlist, stages: Sequence[str], attempt: Attempt, number: int) -> None:
        follow = attempt.follow
        self.aig = aig = Aig()
        self.next: dict[int, int] = {}
        self._netlist = netlist
        bits = [re.fullmatch(rf"{SELECT}\[(\d+)\]", name) for name in netlist.inputs]
        inputs = [aig.variable() if bit is None else 0 for bit in bits]
        chosen = {at: number >> int(bit[1]) & 1 for at, bit in enumerate(bits, start=1) if bit}
        states = [aig.variable() for _ in netlist.latches]
        inside = {n for n, name in enumerate(netlist.latches) if name is None or name.split(".")[0] in follow}
        right = aig.copy(netlist, inputs, states)
        wrong, twins = self._twin(right, chosen, inside, attempt.reach)
        for latch in inside:
            self.next[states[latch]] = right(netlist.next[latch])
        apart = [
            aig.differ(right(literal), wrong(literal))
            for latch, literal in enumerate(netlist.next) if latch in inside - twins.keys()
        ]  # fmt: skip
        for latch, twin in twins.items():
            self.next[twin] = wrong(netlist.next[latch])
        handed_on = self._handed_on(stages, follow)
        own = {self._variable(latch): twin for latch, twin in twins.items()}
        beyond = right.varied(chosen | own, pinned={literal >> 1 for literal, _ in handed_on})
        apart += [aig.both(right(counts), aig.differ(right(lit), wrong(lit))) for lit, counts in handed_on]
        # What reaches the rest by other ways than these streams.
        apart += [
            aig.differ(right(literal), beyond(literal))
            for latch, literal in enumerate(netlist.next) if latch not in inside
        ]  # fmt: skip
        self._named = dict(zip(netlist.outputs, netlist.driven, strict=True))
        for name, literal in zip(netlist.outputs, netlist.driven, strict=True):
            counts = right(self._named["m_axis_tvalid[0]"]) if re.match(r"m_axis_t(data|last)", name) else 1
            if "." not in name:
                apart.append(aig.both(counts, aig.differ(right(literal), beyond(literal))))
        self.bad = aig.both(aig.any(apart), self._input_rules(inputs, right(self._named["s_axis_tready[0]"])))

    def _handed_on(self, stages: Sequence[str], follow: Sequence[str]) -> list[tuple[int, int]]:
        """Return the bits of the streams between followed stages and others, each with when it counts."""
        found = []
        driven = dict(zip(self._netlist.outputs, self._netlist.driven, strict=True))
        for name, literal in driven.items():
            stage, _, end = name.rpartition(".")
            if stage not in stages or not follow:
                continue
            if stage == follow[-1] and stage != stages[-1] and not end.startswith("o__ready"):
                counts = driven[f"{stage}.o__valid[0]"] if end.startswith("o__payload") else 1
                found.append((literal, counts))
            if end.startswith("o__ready") and stages.index(stage) + 1 == stages.index(follow[0]):
                found.append((literal, 1))
        return found

    def _variable(self, latch: int) -> int:
        return 1 + len(self._netlist.inputs) + latch

    def _twin(
        self, right: Copy, chosen: dict[int, int], inside: set[int], reach: int | None
    ) -> tuple[Copy, dict[int, int]]:
        """Give the mutant registers of its own where a difference may reach; return its logic and these.

        At most those that it reaches in `reach` cycles.
        """
        twins: dict[int, int] = {}
        wrong = right.varied(chosen)
        for step in count():
            reached = [
                latch for latch in sorted(inside - twins.keys())
                if wrong(self._netlist.next[latch]) != right(self._netlist.next[latch])
            ]  # fmt: skip
            if not reached or step == reach:
                return wrong, twins
            new = {latch: self.aig.variable() for latch in reached}
            twins |= new
            wrong = wrong.varied({self._variable(latch): twin for latch, twin in new.items()})

    def _input_rules(self, inputs: list[int], ready: int) -> int:
        """Return what is true while the input stream has always kept what it offered until it was taken."""
        aig = self.aig
        named = dict(zip(self._netlist.inputs, inputs, strict=True))
        waited, broken = aig.variable(), aig.variable()
        changed = [named["s_axis_tvalid[0]"] ^ 1]
        for name, literal in named.items():
            if re.match(r"s_axis_t(data|last)", name):
                before = aig.variable()
                self.next[before] = literal
                changed.append(aig.differ(before, literal))
        now = aig.both(waited, aig.any(changed))
        self.next[waited] = aig.both(aig.both(named["s_axis_tvalid[0]"], ready ^ 1), named["rst[0]"] ^ 1)
        self.next[broken] = aig.either(broken, now)
        return aig.either(broken, now) ^ 1
