"""The pace of the speech network, as it was asked for, or of two instances behind one bus, simulated."""

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.results import Part
from benchmarks.throughput import MODELS, real_words
from compiler import pipeline

__all__ = ["INTERVALS", "PARTS", "TEXT"]

INTERVALS = (784, 392, 196)
INSTANCES = 2

TEXT = f"""
The sparse-sparse network built for the U250 with `--interval N`, and {INSTANCES} instances of the default
build behind one bus (`--instances {INSTANCES}`): recorded words in Verilator under all four stall patterns,
every output compared, in the order of the words. The interval is that of words back to back that nothing
stalls. `lut`: of one instance.
"""
KINDS = {
    "interval": "simulated", "interval_predicted": "predicted", "instances": "counted", "words": "counted",
    "patterns": "counted", "mismatches": "counted", "bottleneck": "predicted", "lut": "predicted",
    "dsp": "predicted", "bram36": "predicted",
}  # fmt: skip


def measure(options: dict[str, int], folder: Path) -> dict[str, Any]:
    """Build with some options, and simulate."""
    samples = real_words(folder.with_name("words.npz"))
    model = MODELS / "sparse_sparse.pt"
    bundle = pipeline.build(model, board="u250", output=folder, samples=samples, **options)
    verdict, folding = bundle.verify(), bundle.report["folding"]
    if not verdict.passed:
        raise ValueError(verdict.line)
    return {
        "interval": verdict.timing.interval_cycles,
        "interval_predicted": verdict.predicted.interval_cycles,
        "instances": folding["instances"],
        "words": verdict.vectors,
        "patterns": len(verdict.patterns),
        "mismatches": verdict.mismatches,
        "bottleneck": folding["bottleneck"],
        **{name: folding["resources"][name]["need"] for name in ("lut", "dsp", "bram36")},
    }


PARTS = [
    *(Part("pace", f"{each}-cycles", partial(measure, {"interval": each}), KINDS) for each in INTERVALS),
    Part("pace", f"{INSTANCES}-instances", partial(measure, {"instances": INSTANCES}), KINDS),
]
