"""Faults in time by the thousand: what `verify --faults` does, to many networks, seed after seed.

    python -m benchmarks.faults [--seeds N] [--faults N] [--silent CYCLES] [NETWORK ...]

Prints a line a network; `benchmarks/faults.json` keeps the outcome.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import compiler
from benchmarks.networks import NETWORKS, network
from benchmarks.verilated import build, play
from sim.faults import FaultResult, provoke
from sim.gates import gated_sources
from sim.session import STALLS, open_session
from sim.verilator import scratch_folder

__all__ = ["provoked"]

RESULTS = Path(__file__).with_suffix(".json")


def provoked(
    directory: Path, seeds: Iterable[int], *, faults: int = 12, silent: int = 10_000
) -> list[FaultResult]:
    """Do every kind of fault to a build directory, `faults` of each for every seed."""
    session = open_session(directory, None, STALLS)
    with scratch_folder() as folder:
        simulator = build(session.contract, gated_sources(directory, folder), folder / "simulator")
        return [
            result
            for seed in seeds
            for result in provoke(
                session,
                lambda script, plusargs: play(simulator, session, plusargs, script, seconds=600),
                seed=seed,
                faults=faults,
                silent=silent,
            )
        ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its status: 1 if any design did not recover."""
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=what)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="all unless given")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--faults", type=int, default=12, help="of a kind, for each seed (12)")
    parser.add_argument("--silent", type=int, default=10_000, help="most cycles of silence (10,000)")
    options = parser.parse_args(arguments)
    kept = {"seeds": options.seeds, "silent_cycles": options.silent, "networks": {}}
    wrong = 0
    for number, name in enumerate(options.networks or NETWORKS):
        model, shape = network(name)
        instances = 1 + number % 3
        with scratch_folder() as folder:
            bundle = compiler.build(
                model, board="u250", input_shape=shape, output=folder / name, instances=instances
            )
            results = provoked(
                bundle.directory, range(options.seeds), faults=options.faults, silent=options.silent
            )
        counts = Counter()
        for result in results:
            counts += Counter({result.kind: result.faults, "frames": result.frames, "cycles": result.cycles})
        faults = [str(result) for result in results if result.fault]
        wrong += len(faults)
        kept["networks"][name] = {"instances": instances, **counts, "not_recovered": faults}
        print(f"{name}, {instances} instances: {dict(counts)}, not recovered: {faults}", flush=True)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
