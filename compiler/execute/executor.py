"""Evaluate a graph, float or integer, op by op over any DAG."""

from collections.abc import Collection
from typing import overload

import numpy as np

from compiler.execute.rules import apply
from compiler.ir.float_ops import Conv2d
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d

__all__ = ["execute"]

_ELEMENTS_AT_ONCE = 1 << 22
"""Most elements of the largest array of one batch: 32 MiB of 8-byte numbers."""


@overload
def execute(graph: Graph, x: np.ndarray, *, keep: None = None) -> np.ndarray: ...


@overload
def execute(graph: Graph, x: np.ndarray, *, keep: Collection[str]) -> dict[str, np.ndarray]: ...


def execute(
    graph: Graph, x: np.ndarray, *, keep: Collection[str] | None = None
) -> np.ndarray | dict[str, np.ndarray]:
    """Return what `graph` makes of the frames `x`.

    Parameters
    ----------
    graph : Graph
        Float (evaluated in float64) or integer (evaluated in int64, exactly).
    x : float64 or int64[batch, channels, height, width]
        Frames in the shape of the graph's input: normalized real numbers for a float graph,
        integers within the format of the input for an integer graph.
    keep : names of values, or "all"
        Which values to return, by name. None returns the output alone.

    Returns
    -------
    float64 or int64[batch, channels, height, width], or a dict of them in the order of the graph

    Frames are taken in batches of bounded memory; what is kept grows with the number of frames.

    Raises
    ------
    ValueError
        If `x` has another shape, has no frames, or leaves the format of the input.
    """
    x = _checked_input(graph, x)
    names = [graph.input.name, *(node.name for node in graph)]
    wanted = [graph.output] if keep is None else names if keep == "all" else [n for n in names if n in keep]
    step = max(1, _ELEMENTS_AT_ONCE // max([graph.input.size, *(_elements(graph, node) for node in graph)]))
    parts = [_run(graph, x[start : start + step], wanted) for start in range(0, len(x), step)]
    values = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    return values[graph.output] if keep is None else values


def _checked_input(graph: Graph, x: np.ndarray) -> np.ndarray:
    """Return the frames as float64 or int64; ValueError if they do not suit the graph."""
    shape, form = graph.input.shape, graph.input.form
    if x.ndim != 4 or x.shape[1:] != shape or not len(x):
        raise ValueError(f"frames must have shape (batch, {', '.join(map(str, shape))}), not {x.shape}")
    if form is None:
        return x.astype(np.float64)
    if x.dtype.kind not in "iu":
        raise ValueError(f"frames must be integers of the format {form}, not {x.dtype}")
    if not (form.minimum <= int(x.min()) and int(x.max()) <= form.maximum):
        raise ValueError(
            f"frames must be from {form.minimum} to {form.maximum}, not from {x.min()} to {x.max()}"
        )
    return x.astype(np.int64)


def _elements(graph: Graph, node: Node) -> int:
    """Return the size of the largest array that evaluating a node takes, for one frame."""
    if isinstance(node.op, Conv2d | IntegerConv2d):
        _, height, width = node.output.shape
        return max(node.output.size, node.op.weight[0].size * height * width)
    return node.output.size


def _run(graph: Graph, x: np.ndarray, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Evaluate one batch; return the wanted values and let go of each other one after its last use."""
    last_use = {name: index for index, node in enumerate(graph) for name in node.inputs}
    values = {graph.input.name: x}
    for index, node in enumerate(graph):
        values[node.name] = apply(node.op, node.output, *(values[name] for name in node.inputs))
        for name in set(node.inputs):
            if last_use[name] == index and name not in wanted:
                del values[name]
    return {name: values[name] for name in wanted}
