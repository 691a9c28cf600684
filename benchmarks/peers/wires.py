"""conv1 of the speech network as wires: this compiler's adder graph beside da4ml's, both synthesized."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pyosys import libyosys

import boards
from benchmarks.calibrate import COMMANDS, cells_of, count, synthesize
from benchmarks.growth import exact_graph
from benchmarks.peers.environment import call
from benchmarks.results import Part
from benchmarks.throughput import MODELS
from compiler.scheduler import Scheduler
from hdl.conv.wires import WiresConv, WiresConvConfig
from hdl.resources import ULTRASCALE_PLUS, Resources

__all__ = ["PARTS", "TEXT"]

PACE = 784
TEXT = """
The same weights and biases, trained to at most two signed digits each, inputs of 8 bits, a window a cycle,
registers after two adders; both synthesized with the same Yosys for UltraScale+. Ours holds its pipeline
when the consumer waits, da4ml's has no handshake.
"""
KINDS = {
    "lut": "synthesized", "ff": "synthesized", "estimated_lut": "estimated", "solving_seconds": "measured",
    "version": "counted",
}  # fmt: skip
"""`estimated` by each tool itself."""


@cache
def layer() -> WiresConvConfig:
    """Return conv1 as a build for the U250 at one position a cycle has it."""
    plan = Scheduler(boards.find("u250"), PACE)(exact_graph(MODELS / "sparse_sparse.pt")).plan
    return next(stage.config for stage in plan.design.stages if isinstance(stage.config, WiresConvConfig))


def measure_ours(folder: Path) -> dict[str, Any]:
    """Synthesize our graph of adders."""
    config = layer()
    found = synthesize(WiresConv(config), ULTRASCALE_PLUS)
    return {"lut": found.lut, "ff": found.ff, "estimated_lut": config.cost(ULTRASCALE_PLUS).lut}


def measure_da4ml(folder: Path) -> dict[str, Any]:
    """Solve the same matrix with da4ml, and synthesize its Verilog."""
    config = layer()
    folder.mkdir(parents=True)
    form = config.source.form
    np.savez(
        folder / "layer.npz", kernel=config.weight.reshape(len(config.weight), -1).T, bias=config.bias,
        low=form.minimum, high=form.maximum, adders_per_stage=config.adders_per_stage,
    )  # fmt: skip
    answer = call("da4ml", "da4ml_wires", folder / "layer.npz", folder / "verilog")
    if not answer["exact"]:
        raise ValueError("da4ml's graph does not compute the layer")
    found = _synthesize(sorted((folder / "verilog" / "src").rglob("*.v")))
    return {
        "lut": found.lut, "ff": found.ff, "estimated_lut": answer["estimated_lut"],
        "solving_seconds": answer["seconds"], "version": answer["version"],
    }  # fmt: skip


def _synthesize(sources: list[Path]) -> Resources:
    # Yosys chokes on the tables of da4ml, which this layer does not use, and the wrapper is for its emulator.
    unwanted = {"lookup_table.v", "wires_wrapper.v"}
    design = libyosys.Design()
    for source in sources:
        if source.name not in unwanted:
            design.run_pass(f"tee -q read_verilog -sv {source}")
    return count(cells_of(design, f"{COMMANDS[ULTRASCALE_PLUS.name]} -flatten -top wires"))


PARTS = [Part("conv1", "zeroskip", measure_ours, KINDS), Part("conv1", "da4ml", measure_da4ml, KINDS)]
