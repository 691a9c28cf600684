"""Whether `verify` catches bugs: random mutants of emitted Verilog, and how many of them it kills.

    python -m benchmarks.mutation [--mutants N] [--seed S] [NETWORK ...]

What survives is shown to be equivalent, or told from the original up to a number of cycles, or is listed as
alive. `benchmarks/mutation.json` keeps the outcome.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import compiler
from benchmarks.equivalence import parts_around, proved_equivalent
from benchmarks.mutants import Mutant, mutate, watched, wrap
from benchmarks.networks import network
from benchmarks.verilated import build, run
from sim.errors import SimulationError
from sim.session import STALLS, Session, open_session
from sim.verilator import scratch_folder

__all__ = ["assess", "killed_by"]

RESULTS = Path(__file__).with_suffix(".json")
NETWORKS = ("one_by_one", "speech_like", "linear_only", "global_on_an_image", "dense_activations")
"""Between them they have every kind of stage."""

SECONDS = 8
"""Per proof."""


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


def assess(directory: Path, count: int, seed: int, *, prove: bool = True) -> list[dict[str, str]]:
    """Mutate a build directory's Verilog and return the fate of each mutant.

    Survivors are tried to be proved equivalent if `prove`.

    Its `fate` is `killed`, `equivalent` (proved) or `alive`; `why` says by what.
    """
    stages = [stage["name"] for stage in compiler.Bundle.open(directory).report["stages"]]
    session = open_session(directory, None, STALLS)
    session = replace(session, contract=watched(session.contract))
    fates = []
    with scratch_folder() as folder:
        mutants, sources = mutate(directory, count, seed, folder)
        top = wrap(session.contract, folder)
        simulator = build(session.contract, [*sources, top], folder / "simulator", optimize="-O1")
        unchanged = Mutant(0, "none", "", "", "", "")
        if reason := killed_by(simulator, session, unchanged):
            raise SimulationError(str(directory), f"is wrong without mutants: {reason}")
        for mutant in mutants:
            fate, why = "killed", killed_by(simulator, session, mutant)
            if why is None:
                fate, why = "alive", "no proof was tried"
                if prove:
                    fate, why = _explain(folder, stages, mutant)
            fates.append({"mutant": str(mutant), "fate": fate, "why": why})
    return fates


def _explain(folder: Path, stages: list[str], mutant: Mutant) -> tuple[str, str]:
    """Look for a proof that a surviving mutant is equivalent."""
    parts = parts_around(mutant.module, stages)
    for part in parts:
        if proved_equivalent(folder / "mutated.il", part, mutant, folder, SECONDS):
            return "equivalent", f"proved within {' → '.join(part)}"
    return "alive", f"not proved equivalent within {' → '.join(parts[-1])}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its status."""
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=what)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--mutants", type=int, default=60, help="of each network (60)")
    parser.add_argument("--seed", type=int, default=1, help="the same gives the same mutants (1)")
    options = parser.parse_args(arguments)
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"networks": {}}
    for name in options.networks or NETWORKS:
        model, shape = network(name)
        with scratch_folder() as folder:
            bundle = compiler.build(model, board="u250", input_shape=shape, output=folder / name)
            fates = assess(bundle.directory, options.mutants, options.seed)
        counts = Counter(fate["fate"] for fate in fates)
        print(f"{name}: {dict(counts)} of {len(fates)}", flush=True)
        survivors = [fate for fate in fates if fate["fate"] != "killed"]
        facts = {"seed": options.seed, "mutants": len(fates), **counts}
        kept["networks"][name] = facts | {"survivors": survivors}
        kept["total"] = _total(kept["networks"])
        RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    print(kept["total"])
    return 0


def _total(networks: dict[str, dict]) -> dict[str, float]:
    mutants, killed, equivalent = (
        sum(result.get(key, 0) for result in networks.values()) for key in ("mutants", "killed", "equivalent")
    )
    rate = round(100 * killed / (mutants - equivalent), 1)
    return {"mutants": mutants, "killed": killed, "equivalent": equivalent, "killed_percent": rate}


if __name__ == "__main__":
    sys.exit(main())
