"""Whether `verify` catches bugs: random mutants of emitted Verilog, and how many of them it kills.

    python -m benchmarks.mutation [--mutants N] [--seed S] [--seconds S] [NETWORK ...]

What `verify` passes meets the faults in time of `verify --faults`; what passes these too is shown to be
equivalent, or is listed as alive. `benchmarks/mutation.json` keeps the outcome, `build/mutation` that of each
mutant as soon as it is known, so that a run goes on where an earlier one was stopped.
"""

import argparse
import hashlib
import json
import os
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import compiler
from benchmarks.aiger import Netlist
from benchmarks.equivalence import attempts, proved_equivalent, whole_netlist
from benchmarks.mutants import Mutant, mutate, watched, wrap
from benchmarks.networks import network
from benchmarks.verilated import build, play, run
from sim.errors import SimulationError
from sim.faults import provoke
from sim.gates import GATE, with_gates
from sim.session import STALLS, Session, open_session
from sim.verilator import scratch_folder

__all__ = ["Assessment", "killed_by"]

RESULTS = Path(__file__).with_suffix(".json")
PROGRESS = Path("build") / "mutation"
NETWORKS = ("one_by_one", "speech_like", "linear_only", "global_on_an_image", "dense_activations")
"""Between them they have every kind of stage."""

SECONDS = 10
"""Per attempt at a proof."""

MOVED = "beats pass at other times, within what is promised"
"""Of a mutant that no proof can show to be equivalent."""

NONE = Mutant(0, "none", "", "", "", "")

Fate = dict[str, str]


def killed_by(simulator: Path, session: Session, mutant: Mutant) -> str | None:
    """Return what `verify` says of a mutant, or None if it passes under every stall pattern."""
    for stall in STALLS:
        try:
            fault = run(simulator, session, stall, {"mutant": mutant.number}).fault
        except SimulationError as error:
            return f"{stall}: {error}"
        if fault:
            return fault
    return None


class Assessment:
    """The mutants of one build directory, and what tells their fates; tools are built when first needed.

    Parameters
    ----------
    directory : Path
        A build directory.
    count, seed : int
        How many mutants, and which: the same seed gives the same.
    folder : Path
        For scratch files.
    seconds : int
        Of the processor, for each attempt at a proof.

    Members
    -------
    mutants : list of Mutant
    """

    def __init__(self, directory: Path, count: int, seed: int, folder: Path, seconds: int = SECONDS) -> None:
        bundle = compiler.Bundle.open(directory)
        self._stages = [stage["name"] for stage in bundle.report["stages"]]
        self._own_modules = [stage for stage in self._stages if (directory / "rtl" / f"{stage}.v").is_file()]
        session = open_session(directory, None, STALLS, bundle.expected_layers)
        self._session = replace(session, contract=watched(session.contract))
        self._folder, self.seconds = folder, seconds
        self.mutants, self._sources = mutate(directory, count, seed, folder)
        self._top = wrap(session.contract, folder)

    @cached_property
    def _simulator(self) -> Path:
        made = self._built("simulator", self._sources)
        if reason := killed_by(made, self._session, NONE):
            raise SimulationError(str(self._session.directory), f"is wrong without mutants: {reason}")
        return made

    @cached_property
    def _gated(self) -> Path:
        """A simulator that holds up streams inside the design."""
        text = self._sources[0].read_text()
        for stage in self._own_modules:
            text = with_gates(stage, text)
        gated = self._folder / "gated.v"
        gated.write_text(text)
        made = self._built("gated", [GATE, gated])
        if reason := self._killed_by_faults(NONE, made):
            raise SimulationError(str(self._session.directory), f"is wrong without mutants: {reason}")
        return made

    @cached_property
    def _netlist(self) -> Netlist:
        return whole_netlist(self._folder, self._stages)

    def _built(self, name: str, sources: list[Path]) -> Path:
        return build(self._session.contract, [*sources, self._top], self._folder / name, optimize="-O1")

    def proof(self, mutant: Mutant) -> Fate:
        """Return what becomes of a mutant that simulation did not kill."""
        told = {"mutant": str(mutant)}
        tried = attempts(mutant, self._stages)
        for attempt in tried:
            arguments = self._netlist, self._stages, attempt, mutant, self._folder, self.seconds
            if proved_equivalent(*arguments):
                return {**told, "fate": "equivalent", "why": f"proved within {attempt}"}
        why = f"not proved equivalent within {tried[-1]} in {self.seconds} s"
        return {**told, "fate": "alive", "why": why}

    def fate(self, mutant: Mutant, *, prove: bool = True) -> Fate:
        """Return what becomes of a mutant: its `fate` is killed, equivalent or alive; `why` says by what."""
        told = {"mutant": str(mutant)}
        if why := killed_by(self._simulator, self._session, mutant):
            return {**told, "fate": "killed", "why": why}
        if why := self._killed_by_faults(mutant):
            return {**told, "fate": "killed", "why": f"faults in time: {why}"}
        if stall := self._moved(mutant):
            return {**told, "fate": "alive", "why": f"{stall}: {MOVED}"}
        if not prove:
            return {**told, "fate": "alive", "why": "no proof was tried"}
        return self.proof(mutant)

    def _moved(self, mutant: Mutant) -> str | None:
        """Return under which stall pattern beats pass the ports at other times than without the mutant."""
        return next((one for one in STALLS if self._times(one, mutant) != self._times(one, NONE)), None)

    def _times(self, stall: str, mutant: Mutant) -> tuple[list[int], list[int]]:
        recording = run(self._simulator, self._session, stall, {"mutant": mutant.number}).recording
        return recording.starts, recording.cycles

    def _killed_by_faults(self, mutant: Mutant, simulator: Path | None = None) -> str | None:
        """Return after which fault in time a mutant does not recover, or None."""
        gated = simulator or self._gated

        def one(script, plusargs):
            return play(gated, self._session, plusargs | {"mutant": mutant.number}, script)

        try:
            results = provoke(self._session, one)
        except SimulationError as error:
            return str(error)
        return next((str(result) for result in results if result.fault), None)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its status."""
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=what)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--mutants", type=int, default=60, help="of each network (60)")
    parser.add_argument("--seed", type=int, default=1, help="the same gives the same mutants (1)")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"per attempt at a proof ({SECONDS})")
    options = parser.parse_args(arguments)
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"networks": {}}
    with ExitStack() as stack:
        runs: dict[str, tuple[Assessment, Path]] = {}
        # The cheap part first, of all networks: what survives needs a netlist and a solver.
        for prove in (False, True):
            for name in options.networks or NETWORKS:
                if name not in runs:
                    folder = stack.enter_context(scratch_folder())
                    runs[name] = _prepare(name, folder, options)
                fates = _resumed(*runs[name], prove=prove)
                kept["networks"][name] = _summary(options.seed, fates)
                kept["total"] = _total(kept["networks"])
                RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
                counts = Counter(fate["fate"] for fate in fates)
                print(f"{name}: {dict(counts)} of {len(fates)}", flush=True)
    print(kept["total"])
    return 0


def _prepare(name: str, folder: Path, options: argparse.Namespace) -> tuple[Assessment, Path]:
    """Build a network and its mutants; return these and the file that keeps their fates."""
    model, shape = network(name)
    bundle = compiler.build(model, board="u250", input_shape=shape, output=folder / name)
    assessment = Assessment(bundle.directory, options.mutants, options.seed, folder, options.seconds)
    digest = hashlib.sha256("".join(map(str, assessment.mutants)).encode())
    for source in [*sorted((bundle.directory / "rtl").rglob("*.*")), bundle.directory / "vectors.npz"]:
        digest.update(source.read_bytes())
    return assessment, PROGRESS / f"{name}-{digest.hexdigest()[:16]}.json"


def _resumed(assessment: Assessment, progress: Path, *, prove: bool) -> list[Fate]:
    """Return the fates of all mutants; what an earlier run found out is read instead."""
    found: dict[str, Fate] = json.loads(progress.read_text()) if progress.is_file() else {}
    progress.parent.mkdir(parents=True, exist_ok=True)
    for mutant in assessment.mutants:
        known = found.get(str(mutant.number))
        tried = known and known["why"].endswith((f" in {assessment.seconds} s", MOVED))
        if known is None or prove and known["fate"] == "alive" and not tried:
            fate = assessment.proof(mutant) if known else assessment.fate(mutant, prove=prove)
            found[str(mutant.number)] = fate
            print(f"  {mutant.number:3} {fate['fate']:10} {mutant}: {fate['why'][:100]}", flush=True)
            partial = progress.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps(found, indent=1))
            partial.replace(progress)
    return [found[str(mutant.number)] for mutant in assessment.mutants]


def _summary(seed: int, fates: list[Fate]) -> dict:
    counts = Counter(fate["fate"] for fate in fates)
    by_faults = sum(fate["why"].startswith("faults in time") for fate in fates)
    facts = {"seed": seed, "mutants": len(fates), **counts, "killed_by_faults_alone": by_faults}
    return facts | {"survivors": [fate for fate in fates if fate["fate"] != "killed"]}


def _total(networks: dict[str, dict]) -> dict[str, float]:
    def total(key: str) -> int:
        return sum(result.get(key, 0) for result in networks.values())

    rate = round(100 * total("killed") / (total("mutants") - total("equivalent")), 1)
    keys = ("mutants", "killed", "killed_by_faults_alone", "equivalent", "alive")
    return {key: total(key) for key in keys} | {"killed_percent": rate}


if __name__ == "__main__":
    sys.exit(main())
