"""What each of the trained networks gives on each board, filled: predicted, also where it is too large."""

from functools import partial
from pathlib import Path
from typing import Any

import boards
from benchmarks.growth import exact_graph
from benchmarks.results import Part
from benchmarks.throughput import MODELS, PAIRS, refused, share_of_use
from compiler.errors import DoesNotFit
from compiler.report import summarize_graph
from compiler.scheduler import Scheduler

__all__ = ["PARTS", "TEXT"]

TEXT = """
What `build --fill` chooses for each network on each board, as it predicts it, what shares the bus included;
no tool has seen these but where the table above has the same column. `busy`: products of two nonzeros
over products that the multipliers could make, two in one DSP48E2; weights kept in wires are no multipliers.
Nothing is refused silently: `refused` says what a network needs and what the board has.
"""
KINDS = {
    "words_per_second": "predicted", "instances": "predicted", "interval": "predicted",
    "bottleneck": "predicted", "limited_by": "predicted", "limiting_stage": "predicted",
    "lut": "predicted", "ff": "predicted", "dsp": "predicted", "ram": "predicted", "multipliers": "counted",
    "busy_multipliers": "predicted", "refused": "predicted",
}  # fmt: skip


def measure(network: str, name: str, folder: Path) -> dict[str, Any]:
    """Choose, and say what was chosen or why nothing fits."""
    board, graph = boards.find(name), exact_graph(MODELS / f"{network}.pt")
    try:
        choice = Scheduler(board, fill=True)(graph)
    except DoesNotFit as refusal:
        return refused(refusal)
    plan, count = choice.plan, choice.instances
    need = plan.need_of(count)
    useful = {layer["name"]: layer["macs_sparse"] for layer in summarize_graph(graph)["layers"]}
    arrays = [stage for stage in plan.design.stages if getattr(stage.config, "multipliers", 0)]
    stages = {stage.name: (stage.config.multipliers, useful[stage.layer]) for stage in arrays}
    multipliers, busy = share_of_use(stages, plan.interval)
    return {
        "words_per_second": round(plan.frames_per_second(count)),
        "instances": count,
        "interval": plan.interval,
        "bottleneck": plan.predicted.bottleneck,
        "limited_by": plan.filling_limit,
        "limiting_stage": plan.worst_stage,
        **{resource: need[resource] for resource in ("lut", "ff", "dsp")},
        "ram": need[f"bram{board.block_ram_kbit}"],
        "multipliers": count * multipliers,
        "busy_multipliers": busy,
    }


PARTS = [
    Part("filling", f"{board}-{network}", partial(measure, network, board), KINDS) for board, network in PAIRS
]
