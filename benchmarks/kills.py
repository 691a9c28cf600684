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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import torch

import compiler
from benchmarks.networks import network
from compiler.emit import check_hashes
from sim.verilator import scratch_folder

__all__ = ["kill_builds", "kill_syntheses", "kill_verifications"]

Result = TypeVar("Result")

RESULTS = Path(__file__).with_suffix(".json")
NETWORK, SMALLER = "one_by_one", "image_out"
LONGEST = 600
"""Seconds."""

SIGNALS = (signal.SIGKILL, signal.SIGINT)
INTERRUPTED = 128 + signal.SIGINT
TRIES = 10
"""For each kill: what ended before was not killed, and is tried again."""


def _build(target: Path, name: str = NETWORK) -> compiler.Bundle:
    model, shape = network(name)
    return compiler.build(model, board="u250", input_shape=shape, output=target)


def _kills(
    work: Callable[[], object], count: int, longest: Callable[[], float], rng: random.Random
) -> Iterator[bool]:
    """Do something again and again, each time in a process of its own that gets a signal after a while.

    Goes on until `count` were killed; says after each time whether it was, or had ended before. The signal
    comes within `longest()` seconds, SIGKILL and SIGINT in turns.
    """
    landed = 0
    for number in range(TRIES * count):
        ended = _ended(work, rng.uniform(0, longest()), SIGNALS[number % 2])
        landed += not ended
        yield not ended
        if landed == count:
            return
    raise AssertionError(f"only {landed} of {TRIES * count} signals came before the end")


def _ended(work: Callable[[], object], seconds: float, number: signal.Signals) -> bool:
    """Do something in a process that gets a signal after so many seconds; return whether it ended before."""
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
        except KeyboardInterrupt:
            status = INTERRUPTED
        finally:
            os._exit(status)
    time.sleep(seconds)
    os.kill(process, number)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL, -signal.SIGINT, INTERRUPTED), f"{number.name} made it end with {code}"
    return code == 0


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    started = time.monotonic()
    return work(), time.monotonic() - started


def kill_builds(folder: Path, kills: int, seed: int = 0) -> Counter:
    """Kill builds, half of them over an earlier one; count what is there afterwards.

    Raises
    ------
    AssertionError
        If a directory is there that is not whole, or a build after all that is not.
    """
    outcome, earlier, target = Counter(), folder / "earlier", folder / "out"
    _, seconds = _timed(lambda: _build(earlier))

    def longest() -> float:
        shutil.rmtree(target, ignore_errors=True)
        if _tried(outcome) // 2 % 2:
            shutil.copytree(earlier, target)
            outcome["over an earlier one"] += 1
        return seconds

    for killed in _kills(lambda: _build(target), kills, longest, random.Random(seed)):
        outcome["killed" if killed else "ended before"] += 1
        if target.exists():
            _check_whole(target)
        outcome["whole" if target.exists() else "absent"] += 1
    check_hashes(target, _build(target).manifest)
    return outcome


def _tried(outcome: Counter) -> int:
    return outcome["killed"] + outcome["ended before"]


def _check_whole(target: Path) -> None:
    bundle = compiler.Bundle.open(target)
    check_hashes(target, bundle.manifest)
    names = {"report.json", "report.html", "rtl", "graph", "vectors.npz", "integer_graph.npz"}
    missing = names - {path.name for path in target.iterdir()}
    assert not missing and bundle.report["stages"], f"{missing} missing after a kill"


def kill_verifications(folder: Path, kills: int, seed: int = 0) -> Counter:
    """Kill verifications, most of the time where they build the simulator, else with one that is there.

    Raises
    ------
    AssertionError
        If a verdict, a report or a simulator was left half-written, or a verification afterwards fails.
    """
    outcome, bundle = Counter(), _build(folder / "out")
    results, simulators = (bundle.directory / "sim" / name for name in ("results.json", "cache"))
    _, cold = _timed(bundle.verify)
    _, warm = _timed(bundle.verify)

    def longest() -> float:
        if _tried(outcome) // 2 % 2:
            shutil.rmtree(simulators, ignore_errors=True)
        built = any(not path.name.startswith("partial") for path in simulators.glob("*"))
        outcome["with a simulator"] += built
        return warm if built else cold

    for killed in _kills(bundle.verify, kills, longest, random.Random(seed)):
        outcome["killed" if killed else "ended before"] += 1
        if results.exists():
            assert json.loads(results.read_text())["passed"]
        assert bundle.report["stages"]
    assert bundle.verify().passed, "a verification after kills fails"
    return outcome


def kill_syntheses(folder: Path, kills: int, seed: int = 0) -> Counter:
    """Kill syntheses; what those before left in the cache is there, until all of it is.

    Raises
    ------
    AssertionError
        If a report was left half-written, or what is synthesized afterwards is something else.
    """
    outcome, bundle = Counter(), _build(folder / "out", SMALLER)
    with patch.dict(os.environ, XDG_CACHE_HOME=str(folder / "undisturbed")):
        right, seconds = _timed(bundle.synthesize)
        _, least = _timed(bundle.synthesize)
    cache, whole = folder / "cache", len(list((folder / "undisturbed").rglob("*.json")))

    def longest() -> float:
        left = whole - len(list(cache.rglob("*.json")))
        outcome["with stages in the cache"] += 0 < left < whole
        return least + (seconds - least) * left / whole

    with patch.dict(os.environ, XDG_CACHE_HOME=str(cache)):
        for killed in _kills(bundle.synthesize, kills, longest, random.Random(seed)):
            outcome["killed" if killed else "ended before"] += 1
            assert bundle.report["stages"] and bundle.report["synthesis"]
            if not killed:
                shutil.rmtree(cache)
        found = bundle.synthesize()
    assert (found.resources, found.path) == (right.resources, right.path), "it is something else"
    return outcome


KINDS = {"build": kill_builds, "verify": kill_verifications, "synth": kill_syntheses}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its status."""
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=what)
    parser.add_argument("--kills", type=int, default=50, help="of each (50)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    kept: dict[str, object] = {"seed": options.seed}
    with scratch_folder() as folder:
        for name, kill in KINDS.items():
            (folder / name).mkdir()
            kept[name] = dict(kill(folder / name, options.kills, options.seed))
            print(f"{name}: {kept[name]}", flush=True)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
