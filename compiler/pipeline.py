"""Every stage in order: a trained network goes in at the top and comes out as a build directory."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import boards
from compiler.bundle import Bundle
from compiler.emit import contract_of, emit_verilog, write_manifest, write_weights, write_whole
from compiler.errors import CompilerError, Problem, UnsupportedModel
from compiler.exact_vectors import accuracy_of, vectors_of
from compiler.frames import Samples, load_samples, random_samples, to_real
from compiler.frontend import Examination, examine, load
from compiler.ir import serialize
from compiler.ir.float_ops import FloatOp
from compiler.ir.graph import Graph
from compiler.ir.schedule import Schedule
from compiler.ir.text import to_text
from compiler.ir.values import Shape
from compiler.ir.verify import verify
from compiler.lowering import lower, predict, size_queues
from compiler.passes.fold_batchnorm import FoldBatchNorm
from compiler.passes.hoist_relu import HoistRelu
from compiler.passes.quantize import Quantize
from compiler.passes.tighten_accumulators import TightenAccumulators
from compiler.provenance import describe_source
from compiler.report import assemble, summarize_graph, write_report
from compiler.scheduler import Scheduler
from compiler.steps import Progress, Steps
from hdl.accelerator import Accelerator
from hdl.design import Design
from hdl.numerics import FixedPoint
from sim.contract import Prediction
from sim.vectors import Vectors, save_vectors

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build", "check", "inspect", "rewrite", "write_exact"]

MADE_UP_FRAMES, MOST_MADE_UP_FRAMES = 32, 512
MADE_UP_CYCLES = 50_000
"""About how long a design works on made-up frames: small networks get more, and so meet rarer cases."""

CALIBRATION_FRAMES = 256

PATIENCE = 4
"""Latencies without a beat after which a watchdog takes a design for stuck."""


def build(
    model: "str | Path | nn.Module",
    *,
    board: str,
    output: str | Path | None = None,
    interval: int | None = None,
    rate: float | None = None,
    instances: int = 1,
    fill: bool = False,
    watchdog: bool = False,
    reloadable: bool = False,
    calibration: Path | np.ndarray | None = None,
    samples: Path | np.ndarray | Samples | None = None,
    input_shape: Shape | None = None,
    progress: Progress | None = None,
    command: str | None = None,
) -> Bundle:
    """Turn a trained network into a build directory: Verilog, vectors, report, manifest.

    Parameters
    ----------
    model : path of a `.pt` file, or nn.Module
        A file is read, never executed.
    board : str
        One of `boards.all_boards()`, by name.
    output : path, optional
        The build directory; `build/MODEL-BOARD` unless given. An earlier build there is replaced.
    interval : int, optional
        Most cycles between frames of an instance; unless given, those that make the best use of the board.
    rate : float, optional
        Frames a second that the least area for them must reach, in as many instances as that takes.
    instances : int
        Pipelines that share the input and the output; frames go to whichever has room.
    fill : bool
        As many instances as the board has room for.
    watchdog : bool
        Whether to put in hardware that tells a host when the design stands still, and at which stream.
    reloadable : bool
        Keep sparse weights in memories that can be loaded while the hardware runs: see `compiler.weights`.
    calibration, samples : path of an `.npz`, or array, optional
        Frames `x` to fit number formats that were not trained, and to make vectors of; with labels `y`,
        samples also give the accuracy. See `compiler.frames.load_samples`.
    input_shape : (channels, height, width), optional
        Needed where it does not follow from the model.
    progress : called with (step, seconds) after each step, optional
    command : str, optional
        Goes into the manifest: what to run to get the same build.

    Raises
    ------
    CompilerError
        Listing every problem. Nothing half-written is left behind.
    """
    target = _find_board(board)
    steps = Steps(progress)
    with steps("load"):
        trained = load(model, input_shape=input_shape)
    frames = None if samples is None else load_samples(samples, trained.input.shape)
    fitting = frames if calibration is None else load_samples(calibration, trained.input.shape)
    fitting = fitting or random_samples(trained, MADE_UP_FRAMES)
    if frames is None:
        trained = _note(trained, "No samples were given: the vectors are made-up frames.")
    graphs = rewrite(trained, steps, frames=fitting, spare_bits=int(reloadable))
    integer = graphs["tighten_accumulators"]
    with steps("choose_folding"):
        choice = Scheduler(target, interval, rate, instances, fill, reloadable, steps.within)(integer)
        schedule = choice.plan.replicate(choice.instances)
    with steps("lower"):
        design = size_queues(lower(integer, schedule))
        predicted = predict(design)
        accelerator = Accelerator(_watch(design, predicted.latency_cycles) if watchdog else design)
    with steps("vectors"):
        frames = frames or random_samples(trained, _made_up(round(predicted.interval_cycles)))
        vectors = vectors_of(integer, frames, made_up=samples is None)
    directory = Path(output) if output else Path("build") / f"{integer.name}-{target.name}"
    with write_whole(directory) as scratch:
        with steps("emit"):
            weights = _emit(scratch, accelerator)
            write_exact(scratch, graphs, schedule, vectors)
        with steps("report"):
            report = assemble(
                trained=trained, integer=integer, accelerator=accelerator, predicted=predicted, board=target,
                schedule=schedule, accuracy=accuracy_of(trained, frames, vectors), command=command,
            )  # fmt: skip
            write_report(scratch, {**report, "folding": choice.to_json()})
        facts = {
            "model": describe_source(model), "board": target.name, "command": command,
            "options": {"interval": interval, "rate": rate, "instances": instances, "fill": fill,
                        "watchdog": watchdog, "reloadable": reloadable},
            "weights": weights, "seconds": steps.seconds,
        }  # fmt: skip
        write_manifest(scratch, contract_of(accelerator, _promised(predicted)), facts)
    return Bundle.open(directory)


def _made_up(cycles: int) -> int:
    """Return how many frames to make up for a design that takes one every `cycles` cycles."""
    return min(MOST_MADE_UP_FRAMES, max(MADE_UP_FRAMES, MADE_UP_CYCLES // max(1, cycles)))


def _watch(design: Design, latency_cycles: int) -> Design:
    return replace(design, watchdog_cycles=PATIENCE * latency_cycles)


def _find_board(name: str) -> boards.Board:
    try:
        return boards.find(name)
    except boards.UnknownBoard as error:
        raise CompilerError(Problem(error.where, error.what, error.next)) from error


def rewrite(
    trained: Graph[FloatOp], steps: Steps, *, frames: Samples | None, spare_bits: int = 0,
    formats: Mapping[str, FixedPoint] | None = None,
) -> dict[str, Graph]:  # fmt: skip
    """Return the graph as it was loaded and after each pass, by the pass's name; see `Quantize`."""
    graphs: dict[str, Graph] = {"load": trained}
    graph: Graph = trained
    for name, change in _passes(trained, frames, spare_bits, formats or {}):
        with steps(name):
            graphs[name] = graph = change(graph)
            verify(graph)
    return graphs


def _emit(directory: Path, accelerator: Accelerator) -> dict[str, Any] | None:
    """Write the Verilog, and what loads its memories; return what a manifest tells of that."""
    (directory / "rtl").mkdir()
    emit_verilog(accelerator, directory / "rtl")
    return write_weights(directory, accelerator.design.contents())


def _promised(predicted: Any) -> Prediction:
    """Return the part of a prediction that verification holds a design to."""
    return Prediction(**{field.name: getattr(predicted, field.name) for field in fields(Prediction)})


def write_exact(directory: Path, graphs: dict[str, Graph], schedule: Schedule, vectors: Vectors) -> None:
    """Write the graphs as text and the exact one as data, how it is built, and the vectors."""
    (directory / "graph").mkdir()
    for number, (name, graph) in enumerate(graphs.items()):
        (directory / "graph" / f"{number:02}_{name}.txt").write_text(to_text(graph))
    serialize.save(graphs["tighten_accumulators"], directory / "integer_graph.npz")
    (directory / "schedule.json").write_text(json.dumps(schedule.to_json()) + "\n")
    save_vectors(directory / "vectors.npz", vectors)


def _passes(
    trained: Graph[FloatOp], frames: Samples | None, spare_bits: int, formats: Mapping[str, FixedPoint]
) -> list[tuple[str, Callable[[Graph[Any]], Graph[Any]]]]:
    """Return the rewrites from a trained network to an exact one, in order."""
    fitting = None if frames is None else to_real(trained, frames)[:CALIBRATION_FRAMES]
    return [
        ("fold_batchnorm", FoldBatchNorm()),
        ("hoist_relu", HoistRelu()),
        ("quantize", Quantize(calibration=fitting, formats=formats)),
        ("tighten_accumulators", TightenAccumulators(spare_bits)),
    ]


def _note(graph: Graph, remark: str) -> Graph:
    return replace(graph, notes=(*graph.notes, remark))


def check(model: "str | Path | nn.Module", *, input_shape: Shape | None = None) -> Examination:
    """Say whether a model can be compiled: every problem, each with its layer and a remedy."""
    found = examine(model, input_shape=input_shape)
    if found.graph is None or found.problems:
        return found
    graph = found.graph
    try:
        for _, change in _passes(graph, random_samples(graph, MADE_UP_FRAMES), 0, {}):
            graph = change(graph)
    except UnsupportedModel as refusal:
        return Examination(None, refusal.problems, found.remarks)
    return found


def inspect(source: "str | Path | nn.Module", *, input_shape: Shape | None = None) -> dict[str, Any]:
    """Describe a model or a build directory: layers, shapes, sparsity, MACs."""
    if isinstance(source, str | Path) and Path(source).is_dir():
        return Bundle.open(source).report
    return summarize_graph(load(source, input_shape=input_shape))
