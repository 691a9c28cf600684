"""The pace of the speech network, as it was asked for, or of two instances behind one bus, simulated."""

from functools import partial
from pathlib import Path
from typing import Any

import boards
from benchmarks.growth import exact_graph
from benchmarks.results import Part
from benchmarks.throughput import MODELS, busy, real_words
from compiler import pipeline
from compiler.bundle import Bundle
from compiler.scheduler import Scheduler

__all__ = ["INTERVALS", "PARTS", "TEXT", "figures"]

INTERVALS = (784, 392, 196)
INSTANCES = 2

TEXT = f"""
The sparse-sparse network built for the U250 with `--interval N`, with the interval that `--fill` asks of each
instance there, and {INSTANCES} instances of the default build behind one bus (`--instances {INSTANCES}`):
recorded words in Verilator under all four stall patterns, every output compared, in the order of the words.
The interval is that of words back to back that nothing stalls. `lut`: of one instance. `busy`: see above.
"""
KINDS = {
    "interval": "simulated", "interval_predicted": "predicted", "instances": "counted", "words": "counted",
    "patterns": "counted", "mismatches": "counted", "bottleneck": "predicted",
    "busy_multipliers": "simulated", "lut": "predicted", "dsp": "predicted", "bram36": "predicted",
}  # fmt: skip


def measure(options: dict[str, int], folder: Path) -> dict[str, Any]:
    """Build with some options, and simulate."""
    samples = real_words(folder.with_name("words.npz"))
    model = MODELS / "sparse_sparse.pt"
    return figures(pipeline.build(model, board="u250", output=folder, samples=samples, **options))


def measure_filling(folder: Path) -> dict[str, Any]:
    """Build one of the instances that fill the board, and simulate."""
    choice = Scheduler(boards.find("u250"), fill=True)(exact_graph(MODELS / "sparse_sparse.pt"))
    return measure({"interval": choice.plan.schedule.interval_cycles}, folder)


def figures(bundle: Bundle) -> dict[str, Any]:
    """Simulate a build; return what that and its report say."""
    verdict, folding = bundle.verify(), bundle.report["folding"]
    if not verdict.passed:
        raise ValueError(verdict.line)
    interval = verdict.timing.interval_cycles
    return {
        "interval": interval,
        "interval_predicted": verdict.predicted.interval_cycles,
        "instances": folding["instances"],
        "words": verdict.vectors,
        "patterns": len(verdict.patterns),
        "mismatches": verdict.mismatches,
        "bottleneck": folding["bottleneck"],
        "busy_multipliers": busy(bundle.report, interval * folding["instances"])[1],
        **{name: folding["resources"][name]["need"] for name in ("lut", "dsp", "bram36")},
    }


PARTS = [
    Part("pace", "filling", measure_filling, KINDS),
    *(Part("pace", f"{each}-cycles", partial(measure, {"interval": each}), KINDS) for each in INTERVALS),
    Part("pace", f"{INSTANCES}-instances", partial(measure, {"instances": INSTANCES}), KINDS),
]
