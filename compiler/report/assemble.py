"""`report.json`: what was built, as numbers; the page and the command line only read it.

`docs/reference/build_directory.md` describes every key.
"""

from typing import Protocol

from boards import Board
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear, IntegerOp
from compiler.ir.schedule import Schedule
from compiler.lowering import Prediction
from compiler.report.summary import Json, summarize_graph
from hdl.accelerator import Accelerator
from hdl.conv.window import WindowFormat
from hdl.design import Stage
from hdl.streams.formats import DenseFormat, StreamFormat, WinnersFormat

__all__ = ["add_verdict", "assemble", "renew"]


class Verdict(Protocol):
    """What a simulation found; a `sim.verdict.Verdict`."""

    def to_json(self) -> Json:
        """Return it as `sim/results.json` holds it."""


def assemble(
    *, trained: Graph, integer: Graph[IntegerOp], accelerator: Accelerator, predicted: Prediction,
    schedule: Schedule, board: Board, accuracy: Json | None, command: str | None = None,
) -> Json:
    """Return the report of a build that was not simulated yet.

    Parameters
    ----------
    trained, integer : Graph
        Before and after.
    accelerator : Accelerator
    predicted : Prediction
    schedule : Schedule
    board : Board
    accuracy : dict or None
        `float`, `integer` (shares of frames answered right) and `samples`.
    command : str, optional
        What to run to get the same build.
    """
    times = {stage.name: stage.interval_cycles for stage in predicted.stages}
    stages = [
        _end("ingress", "AXI4-Stream in"),
        *(_stage(integer, stage) for stage in accelerator.stages),
        _end("egress", "AXI4-Stream out"),
    ]
    streams = [accelerator.design.source, *(stage.target for stage in accelerator.stages)]
    return {
        **summarize_graph(integer),
        "notes": list(dict.fromkeys([*trained.notes, *integer.notes])),
        "board": _board(board),
        "accuracy": accuracy,
        "bit_exact": None,
        "verdict": None,
        "interval_cycles": {
            "predicted": predicted.interval_cycles,
            "simulated": None,
            "exact": predicted.interval_exact,
            "goal": schedule.interval_cycles,
        },
        "latency_cycles": {"predicted": predicted.latency_cycles, "simulated": None},
        "throughput": _throughput(
            _board(board), predicted.interval_cycles, "predicted", schedule.instances
        ),
        "stages": [
            {
                **stage,
                "interval_cycles": times[stage["name"]],
                "bottleneck": stage["name"] == predicted.bottleneck,
            }
            for stage in stages
        ],
        "streams": [
            {"from": left["name"], "to": right["name"], **_stream(form)}
            for left, right, form in zip(stages[:-1], stages[1:], streams, strict=True)
        ],
        "command": command,
    }


def renew(report: Json, graph: Graph[IntegerOp], command: str | None) -> Json:
    """Return the report of the same hardware with another graph's weights, not simulated yet."""
    interval = report["interval_cycles"]["predicted"]
    return {
        **report,
        **summarize_graph(graph),
        "notes": list(graph.notes),
        "accuracy": None,
        "bit_exact": None,
        "verdict": None,
        "interval_cycles": {**report["interval_cycles"], "simulated": None},
        "latency_cycles": {**report["latency_cycles"], "simulated": None},
        "throughput": {
            **report["throughput"],
            "frames_per_second": report["board"]["clock_mhz"] * 1e6 / interval,
            "interval_source": "predicted",
        },
        "command": command,
    }


def _board(board: Board) -> Json:
    return {
        "name": board.name,
        "title": board.title,
        "part": board.part,
        "family": board.family,
        "clock_mhz": board.clock_mhz,
        "clock_source": board.clock_source,
        "resources": dict(board.resources),
        "budget": dict(board.budget),
    }


def _throughput(board: Json, interval_cycles: float, interval_source: str, instances: int) -> Json:
    """Return clock ÷ interval of all instances together, with the origin of both."""
    return {
        "frames_per_second": board["clock_mhz"] * 1e6 / interval_cycles,
        "interval_source": interval_source,
        "clock_source": board["clock_source"],
        "instances": instances,
    }


def _end(name: str, kind: str) -> Json:
    return {
        "name": name, "kind": kind, "layer": None, "multipliers": 0, "weight_bits": None,
        "accumulator_bits": None,
    }  # fmt: skip


def _stage(graph: Graph[IntegerOp], stage: Stage) -> Json:
    """Return one stage: what it is, and what it computes with."""
    facts = {
        **_end(stage.name, stage.kind.replace("_", " ")),
        "layer": stage.layer,
        "multipliers": getattr(stage.config, "multipliers", 0),
    }
    if stage.layer is not None:
        node = graph.node(stage.layer)
        if isinstance(node.op, IntegerConv2d | IntegerLinear):
            facts |= {"weight_bits": node.op.weight_bits, "accumulator_bits": node.output.form.width}
    return facts


def _stream(form: StreamFormat | WindowFormat) -> Json:
    """Return what flows between two stages, in words and in bits a beat."""
    if isinstance(form, WindowFormat):
        pixel = _stream(form.pixel)
        bits = form.taps * pixel["bits"]
        return {"kind": pixel["kind"], "format": f"{form.taps} pixels", "bits": bits, "beats": None}
    bits = form.payload.size
    if isinstance(form, DenseFormat):
        text = f"{form.lanes} × {form.form}" if form.lanes > 1 else str(form.form)
        return {"kind": "dense", "format": text, "bits": bits, "beats": form.beats}
    if isinstance(form, WinnersFormat):
        text = f"{form.at_most} of {form.shape[0]} × {form.form}"
        return {"kind": "winners", "format": text, "bits": bits, "beats": form.beats}
    text = f"entries of {form.form}"
    return {"kind": "entries", "format": text, "bits": bits, "beats": form.at_most}


def add_verdict(report: Json, verdict: Verdict) -> Json:
    """Return the report with what a simulation found."""
    found = verdict.to_json()
    changed = {
        **report,
        "bit_exact": found["bit_exact"],
        "verdict": {"passed": found["passed"], "line": found["line"], "failure": found["failure"]},
    }
    for name in ("interval_cycles", "latency_cycles"):
        changed[name] = {**report[name], "simulated": found[name]["simulated"]}
    interval = found["interval_cycles"]["simulated"]
    if interval:
        changed["throughput"] = _throughput(
            report["board"], interval, "simulated", report["throughput"]["instances"]
        )
    return changed
