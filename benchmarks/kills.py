"""Kill `build`, `verify` and `synth` at random points: nothing half-written is ever taken for a whole.

    python -m benchmarks.kills [--kills N] [--seed S]

`benchmarks/kills.json` keeps the outcome.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch

import compiler
from benchmarks.networks import network
from compiler.emit import check_hashes
from sim.verilator import scratch_folder

__all__ = ["kill_builds", "kill_syntheses", "kill_verifications"]

RESULTS = Path(__file__).with_suffix(".json")
NETWORK, SMALLER = "one_by_one", "image_out"
LONGEST = 120
"""Seconds."""

SIGNALS = (signal.SIGKILL, signal.SIGINT)


def _build(target: Path, name: str = NETWORK) -> compiler.Bundle:
    model, shape = network(name)
    return compiler.build(model, board="u250", input_shape=shape, output=target)


def _killed(work: Callable[[], object], seconds: float, number: signal.Signals) -> bool:
    """Do something in a process of its own that gets a signal after a while; say whether it ended before."""
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(LONGEST)
        torch.set_num_threads(1)  # threads do not survive a fork: more would wait for each other for ever
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    time.sleep(seconds)
    os.kill(process, number)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code != -signal.SIGALRM, f"{number.name} did not end it within {LONGEST} s"
    return code == 0


def kill_builds(folder: Path, kills: int, seed: int = 0) -> Counter:
    """Kill builds, half of them over an earlier one; count what is there afterwards.

    Raises
    ------
    AssertionError
        If a directory is there that is not whole, or a build after all that is not.
    """
    rng, outcome = random.Random(seed), Counter()
    target, started = folder / "out", time.monotonic()
    _build(target)
    seconds = time.monotonic() - started
    for kill in range(kills):
        if kill % 2:
            shutil.rmtree(target, ignore_errors=True)
        ended = _killed(lambda: _build(target), rng.uniform(0, 1.2 * seconds), SIGNALS[kill // 2 % 2])
        outcome["ended before"] += ended
        outcome["killed"] += not ended
        if target.exists():
            _check_whole(target)
        outcome["whole" if target.exists() else "absent"] += 1
    check_hashes(target, _build(target).manifest)
    return outcome


def _check_whole(target: Path) -> None:
    bundle = compiler.Bundle.open(target)
    check_hashes(target, bundle.manifest)
    names = {"report.json", "report.html", "rtl", "graph", "vectors.npz", "integer_graph.npz"}
    missing = names - {path.name for path in target.iterdir()}
    assert not missing and bundle.report["stages"], f"{missing} missing after a kill"


def kill_verifications(folder: Path, kills: int, seed: int = 0, seconds: float = 15) -> Counter:
    """Kill verifications within some seconds, with and without a simulator that is built already.

    Raises
    ------
    AssertionError
        If a verdict, a report or a simulator was left half-written, or a verification afterwards fails.
    """
    rng, outcome = random.Random(seed), Counter()
    bundle = _build(folder / "out")
    for kill in range(kills):
        ended = _killed(bundle.verify, rng.uniform(0, seconds), SIGNALS[kill % 2])
        outcome["ended before"] += ended
        outcome["killed"] += not ended
        results = bundle.directory / "sim" / "results.json"
        if results.exists():
            assert json.loads(results.read_text())["passed"]
        assert bundle.report["stages"]
        outcome["verdict" if results.exists() else "no verdict"] += 1
        if kill % 4 == 3:
            shutil.rmtree(bundle.directory / "sim", ignore_errors=True)
    assert bundle.verify().passed, "a verification after kills fails"
    return outcome


def kill_syntheses(folder: Path, kills: int, seed: int = 0) -> Counter:
    """Kill syntheses, with and without stages that an earlier one left in the cache.

    Raises
    ------
    AssertionError
        If a report was left half-written, or what is synthesized afterwards is something else.
    """
    rng, outcome = random.Random(seed), Counter()
    bundle = _build(folder / "out", SMALLER)
    with patch.dict(os.environ, XDG_CACHE_HOME=str(folder / "undisturbed")):
        started = time.monotonic()
        right = bundle.synthesize()
        seconds = time.monotonic() - started
    with patch.dict(os.environ, XDG_CACHE_HOME=str(folder / "cache")):
        for kill in range(kills):
            if kill % 3 == 0:
                shutil.rmtree(folder / "cache", ignore_errors=True)
            ended = _killed(bundle.synthesize, rng.uniform(0, 1.2 * seconds), SIGNALS[kill % 2])
            outcome["ended before"] += ended
            outcome["killed"] += not ended
            assert bundle.report["stages"] and bundle.report["synthesis"]
        found = bundle.synthesize()
        assert (found.resources, found.path) == (right.resources, right.path), "it is something else"
    return outcome


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its status."""
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=what)
    parser.add_argument("--kills", type=int, default=50, help="builds; half as many of the others (50)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    with scratch_folder() as folder:
        (folder / "build").mkdir()
        (folder / "verify").mkdir()
        (folder / "synth").mkdir()
        builds = kill_builds(folder / "build", options.kills, options.seed)
        kept = {"seed": options.seed, "build": dict(builds)}
        print("build:", kept["build"], flush=True)
        kept["verify"] = dict(kill_verifications(folder / "verify", options.kills // 2, options.seed))
        print("verify:", kept["verify"], flush=True)
        kept["synth"] = dict(kill_syntheses(folder / "synth", options.kills // 2, options.seed))
        print("synth:", kept["synth"])
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
