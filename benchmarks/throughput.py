"""Words a second of a trained network that fills a board.

As many pipelines as three quarters of each resource allow are built behind one bus and synthesized as a
whole; one of them is simulated over real words back to back. The clock is an assumption of the board.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import boards
from benchmarks.results import Part
from boards.synthesis import Synthesis
from compiler import pipeline
from compiler.errors import DoesNotFit
from models.gsc.data import load_split

__all__ = ["PARTS", "TEXT", "MODELS", "NETWORKS", "PAIRS", "busy", "error", "figures", "fitting", "refused"]

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models" / "gsc"
RECORDINGS = ROOT.parent / "shared" / "data"
WORDS = 128
NETWORKS = ("dense", "sparse_dense", "sparse_sparse")
BOARDS = ("u250", "zu3eg", "ecp5-85f")
PAIRS = [*((board, network) for board in BOARDS for network in NETWORKS), ("u250", "sparse_sparse_fast")]
"""What is measured: each network on each board, and the one that was trained for speed on the largest."""


TEXT = """
Each network is built by this compiler, the dense one included, to fill a board (`build --fill`): as many
pipelines as fit into three quarters of every resource, behind one bus. All of it is synthesized, what hands
frames to pipelines and gathers outputs included (`shared`); each stage once, as all pipelines have the same.
One pipeline, for itself, is simulated over recorded words back to back, bit for bit. The clock is assumed.
`busy`: products of two nonzeros over products that the multipliers could make; as weights kept in wires are
no multipliers, conv1 of the sparse networks is not in it. `error`: how far the predicted stages of a pipeline
are from the synthesized ones, a share. `each`: of one pipeline. `refused`: what a network needs and what the
board has, where not even the smallest design fits.
"""
KINDS = {
    "words_per_second": "assumed", "instances": "synthesized", "interval": "simulated",
    "clock_mhz": "assumed",
    "words": "counted", "mismatches": "counted", "interval_predicted": "predicted", "bottleneck": "predicted",
    "limiting": "synthesized", "limiting_stage": "synthesized", "limiting_share": "synthesized",
    "lut": "synthesized", "ff": "synthesized", "dsp": "synthesized", "ram": "synthesized",
    "uram": "synthesized", "lut_each": "synthesized", "ff_each": "synthesized", "dsp_each": "synthesized",
    "ram_each": "synthesized", "lut_shared": "synthesized", "levels": "synthesized",
    "deepest": "synthesized", "multipliers": "counted", "busy_multipliers": "simulated",
    "least_busy": "simulated", "lut_error": "synthesized", "lut_worst_stage": "synthesized",
    "dsp_error": "synthesized", "dsp_worst_stage": "synthesized", "ram_error": "synthesized",
    "ram_worst_stage": "synthesized", "refused": "predicted",
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
    count, of_use = share_of_use(stages, interval)
    if not count:
        return 0, 0.0, ""
    share = {name: useful / multipliers / interval for name, (multipliers, useful) in stages.items()}
    # The one that wastes most, not the one with the lowest share.
    idlest = max(stages, key=lambda name: stages[name][0] * (1 - share[name]))
    return count, of_use, f"{idlest}, {share[idlest]:.0%} of {stages[idlest][0]}"


def share_of_use(stages: dict[str, tuple[int, float]], interval: float) -> tuple[int, float]:
    """Return the multipliers of all stages, and the share of their cycles that is of use.

    A stage has its multipliers and the products of use that it makes a frame.

    >>> share_of_use({"conv": (2, 30), "linear": (2, 10)}, 20)
    (4, 0.5)
    """
    count = sum(multipliers for multipliers, _ in stages.values())
    products = sum(useful for _, useful in stages.values())
    return count, round(products / (count * interval), 4) if count else 0.0


def error(report: dict[str, Any], resource: str) -> tuple[float, str]:
    """Return how far a prediction is from synthesis, and the stage that it misses by most.

    The share is of what was synthesized of one pipeline; 0 where there is none of it either way.
    """
    found = each(report, resource)
    predicted = {name: report["folding"]["stages"].get(name, {}).get(resource, 0) for name in found}
    total = sum(found.values())
    if not total:
        return (1.0 if sum(predicted.values()) else 0.0), ""
    off = {name: predicted[name] - found[name] for name in found}
    worst = max(off, key=lambda name: abs(off[name]))
    share = abs(sum(predicted.values()) / total - 1)
    return round(share, 4), f"{worst}, {off[worst]:+,g} of {total:,g}"


def each(report: dict[str, Any], resource: str) -> dict[str, float]:
    """Return what was synthesized of each stage of one pipeline; of a single one, its ends are stages."""
    shared = () if report["folding"]["instances"] == 1 else ("ingress", "input_narrow", "egress")
    return {
        stage["name"]: stage.get("resources", {}).get(resource, 0)
        for stage in report["stages"]
        if stage["name"] not in shared
    }


def refused(refusal: DoesNotFit) -> dict[str, Any]:
    """Return the row of a network that is too large for a board."""
    return {"refused": "; ".join(map(str, refusal.problems))}


def measure_network(network: str, board: str, folder: Path) -> dict[str, Any]:
    """Build, simulate and synthesize one network for one board, or say why it is too large for it."""
    samples, target = real_words(folder.with_name("words.npz")), boards.find(board)
    make = partial(pipeline.build, MODELS / f"{network}.pt", board=board, samples=samples)
    try:
        filled = make(output=folder / "filled", fill=True)
    except DoesNotFit as refusal:
        return refused(refusal)
    goal, count = filled.report["interval_cycles"]["goal"], filled.report["folding"]["instances"]
    one = make(output=folder / "one", interval=goal) if count > 1 else filled
    if one.report["folding"]["stages"] != filled.report["folding"]["stages"]:
        raise RuntimeError(f"{goal} cycles give another pipeline than the board is filled with")
    verdict = one.verify(stalls=("none",)).to_json()
    used = filled.synthesize(workers=1, progress=print)
    shares = {name: amount / count for name, amount in used.resources.items()}
    fits = max(1, fitting(shares, target.budget)[0])
    while fits != count:
        count = fits
        filled = make(output=folder / "filled", interval=goal, instances=count)
        used = filled.synthesize(workers=1, progress=print)
        over = any(amount > target.budget[name] for name, amount in used.resources.items())
        fits = count - 1 if over and count > 1 else count
    return figures(filled.report, verdict, used, target)


def figures(
    report: dict[str, Any], verdict: dict[str, Any], found: Synthesis, board: boards.Board
) -> dict[str, Any]:
    """Return what a build, the simulation of one of its pipelines, and its synthesis say together."""
    interval, instances = verdict["interval_cycles"]["simulated"], report["folding"]["instances"]
    ends = [s["interval_cycles"] for s in report["stages"] if s["name"] in ("ingress", "egress")]
    used = {name: found.resources[name] for name in board.budget}
    shares = {name: amount / board.budget[name] for name, amount in used.items() if amount}
    limiting = max(shares, key=shares.__getitem__)
    taken = each(report, limiting)
    worst = max(taken, key=lambda name: taken[name])
    multipliers, share, idlest = busy(report, interval)
    names = {"lut": "lut", "ff": "ff", "dsp": "dsp", "ram": f"bram{board.block_ram_kbit}"}
    pipeline_takes = {name: sum(each(report, resource).values()) for name, resource in names.items()}
    errors = {name: error(report, names[name]) for name in ("lut", "dsp", "ram")}
    return {
        "words_per_second": round(board.clock_mhz * 1e6 / max(interval / instances, *ends)),
        "instances": instances,
        "interval": interval,
        "clock_mhz": board.clock_mhz,
        "words": verdict["bit_exact"]["vectors"],
        "mismatches": verdict["bit_exact"]["mismatches"],
        "interval_predicted": report["folding"]["interval_cycles"],
        "bottleneck": report["folding"]["bottleneck"],
        "limiting": limiting,
        "limiting_share": round(shares[limiting], 4),
        "limiting_stage": f"{worst}, {taken[worst]:,g} of {sum(taken.values()):,g}",
        **{name: used[resource] for name, resource in names.items()},
        "uram": used.get("uram", 0),
        **{f"{name}_each": amount for name, amount in pipeline_takes.items()},
        "lut_shared": used["lut"] - instances * pipeline_takes["lut"],
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
    for board, network in PAIRS
]
