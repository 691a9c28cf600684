"""Words a second of a trained network that fills a board.

One pipeline is built, its interval simulated over real words back to back, and synthesized; as many of it as
three quarters of each resource allow make the figure. The clock is an assumption of the board.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import boards
from benchmarks.results import Part
from boards.synthesis import Synthesis
from compiler import pipeline
from models.gsc.data import load_split

__all__ = ["PARTS", "TEXT", "MODELS", "NETWORKS", "busy", "error", "figures", "fitting"]

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models" / "gsc"
RECORDINGS = ROOT.parent / "shared" / "data"
WORDS = 128
NETWORKS = ("dense", "sparse_dense", "sparse_sparse")
BOARDS = ("u250", "zu3eg", "ecp5-85f")

TEXT = """
Each network is built by this compiler, the dense one included, its interval simulated over recorded words
back to back and bit-exact, one pipeline synthesized stage by stage; as many as fit into three quarters of
every resource make the figure. The clock is assumed. `busy`: products of two nonzeros over products that
the multipliers could make; as weights kept in wires are no multipliers, conv1 of the sparse networks is not
in it. `error`: how far predicted is from synthesized, a share. Not looked at: what hands frames to
instances and gathers outputs. With what is predicted for it 31 pipelines fill a U250 instead of 32, with
11.6 million words/s; their one bus, 512 bits wide, brings 18.75 million.
"""
KINDS = {
    "words_per_second": "assumed", "instances": "synthesized", "interval": "simulated",
    "clock_mhz": "assumed",
    "words": "counted", "mismatches": "counted", "interval_predicted": "predicted", "bottleneck": "predicted",
    "limiting": "synthesized", "limiting_stage": "synthesized", "lut": "synthesized", "ff": "synthesized",
    "dsp": "synthesized", "ram": "synthesized", "uram": "synthesized", "levels": "synthesized",
    "deepest": "synthesized", "multipliers": "counted", "busy_multipliers": "simulated",
    "least_busy": "simulated", "lut_error": "synthesized", "lut_worst_stage": "synthesized",
    "dsp_error": "synthesized", "dsp_worst_stage": "synthesized", "ram_error": "synthesized",
    "ram_worst_stage": "synthesized",
}  # fmt: skip
"""Words a second rest on all of them, hence on an assumption."""


def real_words(place: Path) -> Path:
    """Return a file of recorded words: 128 of `devtest` where the recordings are, else the shipped ones."""
    if not RECORDINGS.is_dir():
        return MODELS / "vectors.npz"
    split = load_split(RECORDINGS, "devtest")
    every = max(1, len(split.x) // WORDS)  # words are sorted by what was said
    np.savez(place, x=split.x[::every][:WORDS].numpy(), y=split.y[::every][:WORDS].numpy())
    return place


def fitting(used: dict[str, float], budget: dict[str, int]) -> tuple[int, str]:
    """Return how many times a design fits, and the resource of which there are too few for one more.

    >>> fitting({"lut": 30, "dsp": 0}, {"lut": 100, "dsp": 5})
    (3, 'lut')
    """
    return min((int(budget[name] // amount), name) for name, amount in used.items() if amount)


def busy(report: dict[str, Any], interval: float) -> tuple[int, float, str]:
    """Return the multipliers, the share of their cycles that is of use, and the idlest stage.

    Of use is a product of a nonzero weight and an input that a k-WTA lets through, `macs_sparse`.
    """
    layers = {layer["name"]: layer["macs_sparse"] for layer in report["layers"]}
    stages = {
        stage["name"]: (stage["multipliers"], layers[stage["layer"]])
        for stage in report["stages"]
        if stage["multipliers"]
    }
    count = sum(multipliers for multipliers, _ in stages.values())
    if not count:
        return 0, 0.0, ""
    share = {name: useful / multipliers / interval for name, (multipliers, useful) in stages.items()}
    # The one that wastes most, not the one with the lowest share.
    idlest = max(stages, key=lambda name: stages[name][0] * (1 - share[name]))
    of_use = sum(useful for _, useful in stages.values()) / (count * interval)
    return count, round(of_use, 4), f"{idlest}, {share[idlest]:.0%} of {stages[idlest][0]}"


def error(report: dict[str, Any], resource: str) -> tuple[float, str]:
    """Return how far a prediction is from synthesis, and the stage that it misses by most.

    The share is of what was synthesized of the whole design; 0 where there is none of it either way.
    """
    predicted = {name: taken[resource] for name, taken in report["folding"]["stages"].items()}
    found = {stage["name"]: stage.get("resources", {}).get(resource, 0) for stage in report["stages"]}
    total = report["resources"][resource]
    if not total:
        return (1.0 if sum(predicted.values()) else 0.0), ""
    off = {name: predicted.get(name, 0) - found[name] for name in found}
    worst = max(off, key=lambda name: abs(off[name]))
    share = abs(sum(predicted.values()) / total - 1)
    return round(share, 4), f"{worst}, {off[worst]:+,g} of {total:,g}"


def measure_network(network: str, board: str, folder: Path) -> dict[str, Any]:
    """Build, simulate and synthesize one network for one board."""
    samples = real_words(folder.with_name("words.npz"))
    bundle = pipeline.build(MODELS / f"{network}.pt", board=board, output=folder, samples=samples)
    verdict = bundle.verify(stalls=("none",)).to_json()
    found = bundle.synthesize(workers=1, progress=print)
    return figures(bundle.report, verdict, found, boards.find(board))


def figures(
    report: dict[str, Any], verdict: dict[str, Any], found: Synthesis, board: boards.Board
) -> dict[str, Any]:
    """Return what a build, its simulation and its synthesis say together."""
    interval = verdict["interval_cycles"]["simulated"]
    instances, limiting = fitting(found.resources, board.budget)
    taken = {stage["name"]: stage.get("resources", {}).get(limiting, 0) for stage in report["stages"]}
    worst = max(taken, key=lambda name: taken[name])
    multipliers, share, idlest = busy(report, interval)
    ram = f"bram{board.block_ram_kbit}"
    errors = {name: error(report, ram if name == "ram" else name) for name in ("lut", "dsp", "ram")}
    return {
        "words_per_second": round(instances * board.clock_mhz * 1e6 / interval),
        "instances": instances,
        "interval": interval,
        "clock_mhz": board.clock_mhz,
        "words": verdict["bit_exact"]["vectors"],
        "mismatches": verdict["bit_exact"]["mismatches"],
        "interval_predicted": report["interval_cycles"]["predicted"],
        "bottleneck": next(stage["name"] for stage in report["stages"] if stage["bottleneck"]),
        "limiting": limiting,
        "limiting_stage": f"{worst}, {taken[worst]:,g} of {found.resources[limiting]:,g}",
        **{name: found.resources[name] for name in ("lut", "ff", "dsp", "uram")},
        "ram": found.resources[ram],
        "levels": found.path.levels,
        "deepest": f"{found.path.start} to {found.path.end}",
        "multipliers": multipliers,
        "busy_multipliers": share,
        "least_busy": idlest,
        **{f"{name}_error": off for name, (off, _) in errors.items()},
        **{f"{name}_worst_stage": stage for name, (_, stage) in errors.items()},
    }


PARTS = [
    Part("throughput", f"{board}-{network}", partial(measure_network, network, board), KINDS)
    for board in BOARDS
    for network in NETWORKS
]
