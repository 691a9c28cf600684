"""Other weights for hardware that is built: the same network, trained anew."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from compiler.bundle import Bundle
from compiler.emit import check_hashes, write_images, write_manifest, write_weights, write_whole
from compiler.errors import DoesNotFit, Problem, ToolFailed, raise_problems
from compiler.execute import execute
from compiler.frontend import load
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear, IntegerOp, Requantize
from compiler.ir.schedule import Schedule
from compiler.ir.verify import verify
from compiler.lowering import lower, refill_memories
from compiler.pipeline import rewrite, write_exact
from compiler.provenance import describe_source
from compiler.report import renew, write_report
from compiler.steps import Progress, Steps
from hdl.numerics import FixedPoint
from sim.contract import load_contract
from sim.vectors import Vectors, load_vectors

__all__ = ["reweight"]

FIXED = {"wires": "is built as wires", "sparse_dense": "has its weights in the logic"}
"""Engines whose weights cannot be loaded."""

Layer = IntegerConv2d | IntegerLinear


def reweight(
    directory: str | Path, model: str | Path, *, output: str | Path | None = None,
    progress: Progress | None = None, command: str | None = None,
) -> Bundle:  # fmt: skip
    """Make of a build and of another checkpoint of its network what loads the new weights at run time.

    Parameters
    ----------
    directory : path
        A build with `reloadable` weights; stays as it is.
    model : path of a `.pt` file
        The same layers. It is read, never executed.
    output : path, optional
        `DIRECTORY-MODEL` unless given: a build directory with the same Verilog, whose memories hold the new
        weights from the start, and whose `weights.bin` a host loads into hardware of the first one.
    progress : called with (step, seconds) after each step, optional
    command : str, optional
        Goes into the manifest.

    Raises
    ------
    CompilerError
        If the build's weights are fixed, or with everything in which the new network does not fit it.
    """
    bundle, steps = Bundle.open(directory), Steps(progress)
    schedule, built = _reloadable(bundle), bundle.graph
    with steps("load"):
        trained = load(model, input_shape=built.input.shape)
    graphs = rewrite(trained, steps, frames=None, formats=_formats(built))
    with steps("compare"):
        fixed = {name: folding.engine for name, folding in schedule.foldings if folding.engine in FIXED}
        graphs["tighten_accumulators"] = graph = _fitted(built, graphs["tighten_accumulators"], fixed)
        verify(graph)
        contents = refill_memories(lower(built, schedule), graph, schedule)
    contract = load_contract(bundle.directory)
    kept = load_vectors(bundle.directory / "vectors.npz", contract)
    with steps("vectors"):
        vectors = Vectors(kept.x, execute(graph, kept.x).reshape(len(kept), -1), kept.labels)
    target = Path(output) if output else bundle.directory.with_name(f"{bundle.directory.name}-{graph.name}")
    with write_whole(target) as scratch:
        shutil.copytree(bundle.directory / "rtl", scratch / "rtl")
        write_images(scratch, contents)
        write_exact(scratch, graphs, schedule, vectors)
        weights = {**write_weights(scratch, contents), "of": bundle.build_number}
        write_report(scratch, renew(bundle.report, graph, command))
        facts = {"model": describe_source(model), "command": command, "weights": weights}
        write_manifest(scratch, contract, _kept_facts(bundle) | facts | {"seconds": steps.seconds})
    return Bundle.open(target)


def _reloadable(bundle: Bundle) -> Schedule:
    """Return how a build is laid out, if its weights can be loaded and it is whole."""
    check_hashes(bundle.directory, bundle.manifest)
    where = str(bundle.directory)
    if not bundle.manifest.get("weights"):
        raise ToolFailed(Problem(where, "has fixed weights", "build it with --reloadable"))
    if "of" in bundle.manifest["weights"]:
        raise ToolFailed(Problem(where, "is itself made of other weights", "name the build that it is for"))
    try:
        return Schedule.from_json(json.loads((bundle.directory / "schedule.json").read_text()))
    except (OSError, KeyError, TypeError, ValueError) as error:
        what = f"has no readable schedule.json: {error}"
        raise ToolFailed(Problem(where, what, "build it again")) from error


def _formats(built: Graph[IntegerOp]) -> dict[str, FixedPoint]:
    """Return the formats of a build's activations, for those that were not trained."""
    requantized = {node.inputs[0]: node.output.form for node in built if isinstance(node.op, Requantize)}
    return {built.input.name: built.input.form, **requantized}


def _kept_facts(bundle: Bundle) -> dict[str, Any]:
    return {name: bundle.manifest[name] for name in ("board", "options")}


def _fitted(built: Graph[IntegerOp], new: Graph[IntegerOp], fixed: dict[str, str]) -> Graph[IntegerOp]:
    """Return the new network with sums as wide as the build has them, if nothing else but weights differs."""
    if [node.name for node in built] != [node.name for node in new] or built.output != new.output:
        what = "has other layers: " + ", ".join(f"{node.name} ({node.kind})" for node in new)
        raise DoesNotFit(Problem(new.name, what, "build it for itself"))
    nodes: list[Node[IntegerOp]] = []
    forms = {new.input.name: new.input.form}
    problems = [] if built.input == new.input else [_differs(built.input.name, built.input, new.input)]
    for old, node in zip(built, new, strict=True):
        form = node.output.form
        if isinstance(node.op, Layer):
            problems += _layer_problems(old, node, fixed.get(node.name))
            form = old.output.form
        elif not isinstance(node.op, Requantize):
            form = forms[node.inputs[0]]
        forms[node.name] = form
        nodes.append(replace(node, output=replace(node.output, form=form)))
        if not isinstance(node.op, Layer) and (nodes[-1].op, nodes[-1].output) != (old.op, old.output):
            problems.append(_differs(node.name, (old.op, str(old.output)), (node.op, str(nodes[-1].output))))
    raise_problems(DoesNotFit, problems)
    return replace(new, nodes=tuple(nodes))


def _differs(where: str, built: object, new: object) -> Problem:
    return Problem(where, f"is {new}, and the build has {built}", "train it like that, or build again")


def _layer_problems(old: Node[IntegerOp], new: Node[IntegerOp], engine: str | None) -> Iterator[Problem]:
    """Yield why a layer's new weights cannot stand where the old ones do."""
    shapes = [
        (node.op.weight.shape, node.op.weight_bits, getattr(node.op, "padding", None)) for node in (old, new)
    ]
    if type(old.op) is not type(new.op) or shapes[0] != shapes[1]:
        yield _differs(new.name, (old.kind, *shapes[0]), (new.kind, *shapes[1]))
        return
    forms = old.output.form, new.output.form
    if forms[0].fraction_bits != forms[1].fraction_bits:
        units = [f"2**-{form.fraction_bits}" for form in forms]
        what = f"counts its sums in units of {units[1]}, and the build in {units[0]}"
        yield Problem(new.name, what, "train with weights of like size, or build again")
    elif forms[1].width > forms[0].width:
        what = f"takes sums of {forms[1].width} bits, and the build has {forms[0].width}"
        yield Problem(new.name, what, "train with smaller weights, or build again")
    same = all(np.array_equal(getattr(old.op, name), getattr(new.op, name)) for name in ("weight", "bias"))
    if engine is not None and not same:
        what = f"{FIXED[engine]}, which are fixed, and has other weights or biases"
        yield Problem(new.name, what, "keep this layer as it was, or build again")
