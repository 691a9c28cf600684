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
from compiler import pipeline
from models.gsc.data import load_split

__all__ = ["PARTS"]

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models" / "gsc"
RECORDINGS = ROOT.parent / "shared" / "data"
WORDS = 128
NETWORKS = ("dense", "sparse_dense", "sparse_sparse")
BOARDS = ("u250", "zu3eg", "ecp5-85f")

KINDS = {
    "words": "counted", "mismatches": "counted", "interval_predicted": "predicted", "interval": "simulated",
    "resources": "synthesized", "levels": "synthesized", "deepest": "synthesized", "clock_mhz": "assumed",
    "instances": "synthesized", "limiting": "synthesized", "words_per_second": "assumed",
    "multipliers": "counted", "busy_multipliers": "simulated",
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


def busy(report: dict[str, Any], interval: int) -> tuple[int, float]:
    """Return the multipliers, and the share of their cycles that makes a product of two nonzeros."""
    stages = [stage for stage in report["stages"] if stage["multipliers"]]
    layers = {layer["name"]: layer["macs_sparse"] for layer in report["layers"]}
    count = sum(stage["multipliers"] for stage in stages)
    useful = sum(layers[stage["layer"]] for stage in stages)
    return count, round(useful / (count * interval), 4) if count else 0.0


def measure_network(network: str, board: str, folder: Path) -> dict[str, Any]:
    """Build, simulate and synthesize one network for one board."""
    samples = real_words(folder.with_name("words.npz"))
    bundle = pipeline.build(MODELS / f"{network}.pt", board=board, output=folder, samples=samples)
    verdict = bundle.verify(stalls=("none",)).to_json()
    found = bundle.synthesize()
    facts, report = boards.find(board), bundle.report
    interval = verdict["interval_cycles"]["simulated"]
    instances, limiting = fitting(found.resources, facts.budget)
    multipliers, share = busy(report, interval)
    return {
        "words": verdict["bit_exact"]["vectors"],
        "mismatches": verdict["bit_exact"]["mismatches"],
        "interval_predicted": report["interval_cycles"]["predicted"],
        "interval": interval,
        "resources": dict(found.resources),
        "levels": found.path.levels,
        "deepest": f"{found.path.start} to {found.path.end}",
        "clock_mhz": facts.clock_mhz,
        "instances": instances,
        "limiting": limiting,
        "words_per_second": round(instances * facts.clock_mhz * 1e6 / interval),
        "multipliers": multipliers,
        "busy_multipliers": share,
    }


PARTS = [
    Part(f"throughput-{board}-{network}", partial(measure_network, network, board), KINDS)
    for board in BOARDS
    for network in NETWORKS
]
