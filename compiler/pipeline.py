"""Every stage in order: a trained network goes in at the top and comes out as a build directory."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import boards
from compiler.bundle import Bundle
from compiler.emit import contract_of, emit_verilog, write_manifest, write_whole
from compiler.errors import CompilerError, InvalidGraph, Problem, UnsupportedModel
from compiler.execute import execute
from compiler.frames import Samples, extreme_frames, load_samples, random_samples, to_integers, to_real
from compiler.frontend import Examination, examine, load
from compiler.ir import serialize
from compiler.ir.float_ops import FloatOp
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerOp
from compiler.ir.text import to_text
from compiler.ir.values import Shape
from compiler.ir.verify import verify
from compiler.lowering import lower, predict, size_queues
from compiler.passes.fold_batchnorm import FoldBatchNorm
from compiler.passes.hoist_relu import HoistRelu
from compiler.passes.quantize import Quantize
from compiler.passes.replicate import Replicate
from compiler.passes.tighten_accumulators import TightenAccumulators
from compiler.provenance import describe_source
from compiler.report import assemble, summarize_graph, write_report
from compiler.scheduler import Scheduler
from compiler.steps import Progress, Steps
from hdl.accelerator import Accelerator
from hdl.design import Design
from sim.contract import Prediction
from sim.vectors import Vectors, save_vectors

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build", "check", "inspect"]

MADE_UP_FRAMES = 32
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
    if frames is None:
        frames = random_samples(trained, MADE_UP_FRAMES)
        trained = _note(trained, "No samples were given: the vectors are made-up frames.")

    graphs = _rewrite(trained, fitting or frames, steps)
    integer = graphs["tighten_accumulators"]
    with steps("vectors"):
        vectors = _vectors(integer, frames, made_up=samples is None)
    with steps("choose_folding"):
        choice = Scheduler(target, interval, rate, instances, fill)(integer)
        schedule = Replicate(choice.instances)(integer, choice.plan.schedule)
    with steps("lower"):
        design = size_queues(lower(integer, schedule))
        predicted = predict(design)
        accelerator = Accelerator(_watch(design, predicted.latency_cycles) if watchdog else design)
    directory = Path(output) if output else Path("build") / f"{integer.name}-{target.name}"
    with write_whole(directory) as scratch:
        with steps("emit"):
            _emit(scratch, graphs, accelerator, vectors)
        with steps("report"):
            report = assemble(
                trained=trained, integer=integer, accelerator=accelerator, predicted=predicted, board=target,
                schedule=schedule, accuracy=_accuracy(trained, frames, vectors), command=command,
            )  # fmt: skip
            write_report(scratch, {**report, "folding": choice.to_json()})
        facts = {
            "model": describe_source(model), "board": target.name, "command": command,
            "options": {"interval": interval, "rate": rate, "instances": instances, "fill": fill,
                        "watchdog": watchdog},
            "seconds": steps.seconds,
        }  # fmt: skip
        times = {field.name: getattr(predicted, field.name) for field in fields(Prediction)}
        write_manifest(scratch, contract_of(accelerator, Prediction(**times)), facts)
    return Bundle.open(directory)


def _watch(design: Design, latency_cycles: int) -> Design:
    return replace(design, watchdog_cycles=PATIENCE * latency_cycles)


def _find_board(name: str) -> boards.Board:
    try:
        return boards.find(name)
    except boards.UnknownBoard as error:
        raise CompilerError(Problem(error.where, error.what, error.next)) from error


def _rewrite(trained: Graph[FloatOp], frames: Samples, steps: Steps) -> dict[str, Graph]:
    """Return the graph as it was loaded and after each pass, by the pass's name."""
    graphs: dict[str, Graph] = {"load": trained}
    graph: Graph = trained
    for name, rewrite in _passes(trained, frames):
        with steps(name):
            graphs[name] = graph = rewrite(graph)
            verify(graph)
    return graphs


def _emit(directory: Path, graphs: dict[str, Graph], accelerator: Accelerator, vectors: Vectors) -> None:
    """Write the Verilog, the graphs as text and the exact one as data, and the vectors."""
    (directory / "rtl").mkdir()
    emit_verilog(accelerator, directory / "rtl")
    (directory / "graph").mkdir()
    for number, (name, graph) in enumerate(graphs.items()):
        (directory / "graph" / f"{number:02}_{name}.txt").write_text(to_text(graph))
    serialize.save(graphs["tighten_accumulators"], directory / "integer_graph.npz")
    save_vectors(directory / "vectors.npz", vectors)


def _passes(trained: Graph[FloatOp], frames: Samples) -> list[tuple[str, Callable[[Graph[Any]], Graph[Any]]]]:
    """Return the rewrites from a trained network to an exact one, in order."""
    return [
        ("fold_batchnorm", FoldBatchNorm()),
        ("hoist_relu", HoistRelu()),
        ("quantize", Quantize(calibration=to_real(trained, frames)[:CALIBRATION_FRAMES])),
        ("tighten_accumulators", TightenAccumulators()),
    ]


def _note(graph: Graph, remark: str) -> Graph:
    return replace(graph, notes=(*graph.notes, remark))


def _vectors(integer: Graph[IntegerOp], frames: Samples, made_up: bool) -> Vectors:
    """Return frames with their exact outputs, on which PyTorch and the executor must agree.

    Every second made-up frame is an extreme one instead, so that sums saturate and winners are many or none.
    """
    from compiler.frontend.exact_module import exact_logits  # brings PyTorch, which takes seconds

    x = to_integers(integer, frames)
    if made_up:
        x[1::2] = extreme_frames(integer, len(x) // 2)
    logits = execute(integer, x).reshape(len(x), -1)
    pytorch = exact_logits(integer, x).reshape(len(x), -1)
    if not np.array_equal(logits, pytorch):
        frame = int(np.flatnonzero((logits != pytorch).any(axis=1))[0])
        what = f"the executor and PyTorch differ in frame {frame}"
        raise InvalidGraph(Problem(integer.output, what, "report this as a bug"))
    return Vectors(x, logits, frames.y)


def _accuracy(trained: Graph[FloatOp], frames: Samples, vectors: Vectors) -> dict[str, Any] | None:
    """Compare the float network's and the integer network's answers with the labels."""
    if frames.y is None:
        return None
    logits = execute(trained, to_real(trained, frames)).reshape(len(frames), -1)
    return {
        "float": float((logits.argmax(axis=1) == frames.y).mean()),
        "integer": float((vectors.logits.argmax(axis=1) == frames.y).mean()),
        "samples": len(frames),
    }


def check(model: "str | Path | nn.Module", *, input_shape: Shape | None = None) -> Examination:
    """Say whether a model can be compiled: every problem, each with its layer and a remedy."""
    found = examine(model, input_shape=input_shape)
    if found.graph is None or found.problems:
        return found
    graph = found.graph
    try:
        for _, rewrite in _passes(graph, random_samples(graph, MADE_UP_FRAMES)):
            graph = rewrite(graph)
    except UnsupportedModel as refusal:
        return Examination(None, refusal.problems, found.remarks)
    return found


def inspect(source: "str | Path | nn.Module", *, input_shape: Shape | None = None) -> dict[str, Any]:
    """Describe a model or a build directory: layers, shapes, sparsity, MACs."""
    if isinstance(source, str | Path) and Path(source).is_dir():
        return Bundle.open(source).report
    return summarize_graph(load(source, input_shape=input_shape))
