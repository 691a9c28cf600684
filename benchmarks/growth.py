"""How time and area grow with the weights and activations that are left, and with width.

Networks as :func:`benchmarks.speech_like.speech_like` makes them. Two questions a point: how many cycles a
word takes when a whole ZU3EG is full of pipelines, and what one pipeline takes that has a word every `PACE`
cycles.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boards
from benchmarks.results import Part
from benchmarks.speech_like import SHAPE, speech_like
from compiler import pipeline
from compiler.frames import load_samples, to_real
from compiler.frontend import load
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerOp
from compiler.passes.fold_batchnorm import FoldBatchNorm
from compiler.passes.hoist_relu import HoistRelu
from compiler.passes.quantize import Quantize
from compiler.passes.tighten_accumulators import TightenAccumulators
from compiler.report import summarize_graph
from compiler.scheduler import Scheduler

__all__ = ["PARTS", "TEXTS", "measure_point"]

CHIP, PACED = "zu3eg", "u250"
"""The chip to fill, and one of the same family that holds every paced pipeline."""

PACE = 1568
SAMPLES = Path(__file__).parents[1] / "models" / "gsc" / "vectors.npz"
KINDS = {
    "width": "counted", "weights_zero_percent": "counted", "active_percent": "counted",
    "nonzero_weights": "counted", "useful_products": "counted",
    "chip_interval": "predicted", "chip_instances": "predicted", "chip_cycles_a_word": "predicted",
    "chip_limited_by": "predicted", "paced_interval": "predicted", "paced_interval_simulated": "simulated",
    "paced_lut": "predicted", "paced_lut_synthesized": "synthesized",
    "paced_dsp": "predicted", "paced_dsp_synthesized": "synthesized",
    "paced_bram36": "predicted", "paced_bram36_synthesized": "synthesized",
}  # fmt: skip
WIDTH, ZERO, ACTIVE = 16, 90, 10
"""What does not vary: a quarter of the reference network's width, percent of weights, percent of winners."""

ZEROS = (0, 50, 75, 90, 95, 98)
WINNERS = (100, 75, 50, 25, 12, 6)
WIDTHS = (16, 32, 64)
CHECKED = {(16, 90, 10), (16, 98, 10)}
"""Points that are built, simulated and synthesized, too: each takes minutes, denser ones many."""

_WHAT = """
`chip` figures: a ZU3EG filled to three quarters with pipelines, cycles of the chip that each word takes.
`paced` figures: one pipeline that has a word every 1,568 cycles. Zeros are where chance puts them: no
pattern is asked for.
"""
TEXTS = {
    "weights": f"The reference network at a quarter of its width, its weights pruned step by step.{_WHAT}",
    "winners": f"The same, 90 % of weights zero, k-WTA letting ever fewer activations through.{_WHAT}",
    "width": f"The reference network's shape at 16, 32 and 64 channels, 95 % of weights zero.{_WHAT}",
}


def measure_point(width: int, zero: int, active: int, folder: Path) -> dict[str, Any]:
    """Plan a network for a full chip and for `PACE`; check the latter in tools if it is of `CHECKED`."""
    model = speech_like(width, 1 - zero / 100, active / 100)
    graph = exact_graph(model)
    full = Scheduler(boards.find(CHIP), fill=True)(graph).plan
    paced = Scheduler(boards.find(PACED), PACE)(graph).plan
    found = summarize_graph(graph)["model"]
    figures = {
        "width": width,
        "weights_zero_percent": zero,
        "active_percent": active,
        "nonzero_weights": found["weights_nonzero"],
        "useful_products": found["macs_sparse"],
        "chip_interval": full.interval,
        "chip_instances": full.fitting,
        "chip_cycles_a_word": round(full.interval / full.fitting, 1),
        "chip_limited_by": full.limiting,
        "paced_interval": paced.interval,
        **{f"paced_{name}": paced.need[name] for name in ("lut", "dsp", "bram36")},
    }
    return figures | (_checked(model, folder) if (width, zero, active) in CHECKED else {})


def exact_graph(model: Any) -> Graph[IntegerOp]:
    """Return the integer graph that `build` makes of a network, on the recorded words that ship here."""
    graph = load(model, input_shape=SHAPE)
    words = to_real(graph, load_samples(SAMPLES, SHAPE))
    for rewrite in (FoldBatchNorm(), HoistRelu(), Quantize(calibration=words), TightenAccumulators()):
        graph = rewrite(graph)
    return graph


def _checked(model: Any, folder: Path) -> dict[str, Any]:
    bundle = pipeline.build(
        model, board=PACED, interval=PACE, output=folder, samples=SAMPLES, input_shape=SHAPE
    )
    verdict = bundle.verify(stalls=("none",)).to_json()
    if verdict["bit_exact"]["mismatches"]:
        raise ValueError(f"{folder}: {verdict['line']}")
    taken = bundle.synthesize(workers=1).resources
    return {
        "paced_interval_simulated": verdict["interval_cycles"]["simulated"],
        **{f"paced_{name}_synthesized": taken[name] for name in ("lut", "dsp", "bram36")},
    }


def _parts() -> Iterator[Part]:
    for active in (100, ACTIVE):
        for zero in ZEROS:
            yield _part("weights", f"{zero}-zero-{active}-active", WIDTH, zero, active)
    for active in WINNERS:
        yield _part("winners", f"{ZERO}-zero-{active}-active", WIDTH, ZERO, active)
    for width in WIDTHS:
        yield _part("width", f"{width}-channels", width, 95, ACTIVE)


def _part(what: str, point: str, width: int, zero: int, active: int) -> Part:
    return Part(f"growth-{what}", point, partial(measure_point, width, zero, active), KINDS)


PARTS = list(_parts())
