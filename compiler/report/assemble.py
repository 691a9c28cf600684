"""`report.json`: what was built, as numbers; the page and the command line only read it."""

from typing import Any

import numpy as np

from boards import Board
from compiler.ir.float_ops import Conv2d, Linear
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear

__all__ = ["add_verdict", "assemble", "summarize_graph"]

Json = dict[str, Any]


def summarize_graph(graph: Graph) -> Json:
    """Return a network's layers, weights and multiplications.

    `macs_sparse` counts the products of a nonzero weight and an input that a k-WTA lets through, for
    inputs active as often as it allows.
    """
    layers = [_layer(graph, node) for node in graph]
    sums = {
        key: sum(layer[key] for layer in layers)
        for key in ("weights_dense", "weights_nonzero", "macs_dense", "macs_sparse")
    }
    return {
        "model": {"name": graph.name, **sums},
        "input": {"shape": list(graph.input.shape), "form": _text(graph.input.form)},
        "layers": layers,
        "notes": list(graph.notes),
    }


def _layer(graph: Graph, node: Node) -> Json:
    facts = {
        "name": node.name,
        "kind": node.kind.removeprefix("Integer"),
        "shape": list(node.output.shape),
        "form": _text(node.output.form),
        "active": node.output.active,
        "elements": node.output.size,
        "weights_dense": 0,
        "weights_nonzero": 0,
        "macs_dense": 0,
        "macs_sparse": 0,
    }
    if isinstance(node.op, Conv2d | Linear | IntegerConv2d | IntegerLinear):
        source = graph.source(node)
        positions = node.output.shape[1] * node.output.shape[2]
        nonzero = int(np.count_nonzero(node.op.weight))
        facts |= {
            "weights_dense": node.op.weight.size,
            "weights_nonzero": nonzero,
            "macs_dense": positions * node.op.weight.size,
            "macs_sparse": positions * nonzero * source.active // source.size,
        }
    return facts


def _text(form: object) -> str | None:
    return None if form is None else str(form)


def assemble(
    *, trained: Graph, integer: Graph, accelerator: Any, predicted: Any, schedule: Any, board: Board,
    accuracy: Json | None,
) -> Json:
    """Return the report of a build that was not simulated yet.

    Parameters
    ----------
    trained, integer : Graph
        Before and after.
    accelerator : hdl.accelerator.Accelerator
    predicted : compiler.lowering.Prediction
    schedule : compiler.ir.schedule.Schedule
    board : Board
    accuracy : dict or None
        `float`, `integer` (shares of frames answered right) and `samples`.
    """
    summary = summarize_graph(integer)
    times = {stage.name: stage.interval_cycles for stage in predicted.stages}
    stages = [
        _stage(integer, stage, times[stage.name], stage.name == predicted.bottleneck)
        for stage in accelerator.stages
    ]
    return {
        **summary,
        "notes": list(integer.notes),
        "board": {
            "name": board.name,
            "title": board.title,
            "part": board.part,
            "clock_mhz": board.clock_mhz,
            "clock_source": board.clock_source,
        },
        "accuracy": accuracy,
        "bit_exact": None,
        "interval_cycles": {
            "predicted": predicted.interval_cycles,
            "simulated": None,
            "exact": predicted.exact,
            "goal": schedule.interval_cycles,
        },
        "latency_cycles": {"predicted": predicted.latency_cycles, "simulated": None},
        "throughput": {
            "words_per_second": board.clock_mhz * 1e6 / predicted.interval_cycles,
            "interval_source": "predicted",
            "clock_source": board.clock_source,
            "instances": 1,
        },
        "ends": {
            name: {"interval_cycles": times[name], "bottleneck": name == predicted.bottleneck}
            for name in ("ingress", "egress")
        },
        "stages": stages,
    }


def _stage(graph: Graph, stage: Any, cycles: int, bottleneck: bool) -> Json:
    """Return one stage: what it is, what it costs, what leaves it."""
    facts = {
        "name": stage.name,
        "kind": stage.kind,
        "layer": stage.layer,
        "interval_cycles": cycles,
        "bottleneck": bottleneck,
        "multipliers": getattr(stage.config, "multipliers", 0),
        "weight_bits": None,
        "accumulator_bits": None,
        "stream": _stream(stage.target),
    }
    if stage.layer is not None:
        node = graph.node(stage.layer)
        if isinstance(node.op, IntegerConv2d | IntegerLinear):
            facts |= {"weight_bits": node.op.weight_bits, "accumulator_bits": node.output.form.width}
    return facts


def _stream(form: Any) -> Json:
    """Return what flows out of a stage, in words and in bits a beat."""
    if hasattr(form, "pixel"):
        return {"text": f"windows of {form.taps}", "bits": form.taps * form.pixel.payload.size}
    kind = type(form).__name__.removesuffix("Format").lower()
    text = {
        "dense": lambda: f"{form.lanes} × {form.form}",
        "winners": lambda: f"{form.at_most} winners of {form.shape[0]}",
        "entry": lambda: f"{form.at_most} of {len(form.order)}, one by one",
    }[kind]()
    return {"text": text, "bits": form.payload.size}


def add_verdict(report: Json, verdict: Any) -> Json:
    """Return the report with what a simulation found (a `sim.verify.Verdict`)."""
    interval, latency = verdict.interval_cycles, verdict.latency_cycles
    changed = {
        **report,
        "bit_exact": {
            "vectors": verdict.vectors,
            "mismatches": verdict.mismatches,
            "stall_patterns": list(verdict.stalls),
            "simulator": verdict.simulator,
            "line": verdict.line,
        },
        "interval_cycles": {**report["interval_cycles"], "simulated": interval},
        "latency_cycles": {**report["latency_cycles"], "simulated": latency},
    }
    if interval:
        clock = report["board"]["clock_mhz"] * 1e6
        changed["throughput"] = {
            **report["throughput"],
            "words_per_second": clock / interval,
            "interval_source": "simulated",
        }
    return changed
