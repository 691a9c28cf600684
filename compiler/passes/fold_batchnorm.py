"""Fold batch normalization into the layer before it."""

from dataclasses import dataclass, replace

import numpy as np

from compiler.errors import Problem, UnsupportedModel, raise_problems
from compiler.ir.float_ops import BatchNorm, Conv2d, Flatten, FloatOp, Linear, MaxPool
from compiler.ir.graph import Graph, Node
from compiler.ir.rewrite import read_only, without

__all__ = ["FoldBatchNorm"]

_MOVE_IT = "put it directly behind a Conv2d or Linear layer"


@dataclass(frozen=True)
class FoldBatchNorm:
    """Fold each batch normalization into the weight and bias of the layer before it.

    Before: a float graph. After: a float graph without BatchNorm. Exact over the real numbers; float
    rounding may change the last bits.

    A MaxPool or a Flatten may stand between the two. The first commutes with `x · scale + offset`
    only where `scale` is positive; the second only where all pixels of a channel share one scale and
    offset. Every other case is refused, all of them at once.

    Raises
    ------
    UnsupportedModel
        With the layer, the channels and a remedy.
    """

    def __call__(self, graph: Graph[FloatOp]) -> Graph[FloatOp]:
        """Return the graph without batch normalization."""
        problems: list[Problem] = []
        for node in graph:
            if isinstance(node.op, BatchNorm):
                try:
                    graph = _fold(graph, graph.node(node.name))
                except UnsupportedModel as refusal:
                    problems.extend(refusal.problems)
        raise_problems(UnsupportedModel, problems)
        return graph


def _fold(graph: Graph[FloatOp], norm: Node[FloatOp]) -> Graph[FloatOp]:
    """Carry one batch normalization up to its layer; UnsupportedModel if something is in the way."""
    scale, offset, name = norm.op.scale, norm.op.offset, norm.inputs[0]
    while True:
        _check_single_reader(graph, norm, name)
        node = graph.node(name)
        match node.op:
            case Conv2d() | Linear():
                return _replace_op(without(graph, norm), node, _scaled(norm, node, scale, offset))
            case MaxPool():
                _check_positive(norm, node, scale)
            case Flatten():
                channels = graph.source(node).shape[0]
                scale, offset = (_one_a_channel(norm, node, each, channels) for each in (scale, offset))
            case _:
                raise _refusal(norm, f"must not follow {node.name} ({node.kind})", _MOVE_IT)
        name = node.inputs[0]


def _refusal(norm: Node, what: str, remedy: str) -> UnsupportedModel:
    return UnsupportedModel(Problem(f"{norm.name} (BatchNorm)", what, remedy))


def _check_single_reader(graph: Graph, norm: Node, name: str) -> None:
    """Refuse where folding would reach a value that something else reads, or the input."""
    if name == graph.input.name:
        raise _refusal(norm, "must follow a Conv2d or Linear layer, not the input", _MOVE_IT)
    if len(graph.users(name)) > 1 or graph.output == name:
        raise _refusal(norm, f"must be the only reader of {name}", "give the branches their own layers")


def _check_positive(norm: Node, pool: Node, scale: np.ndarray) -> None:
    """Refuse to cross a MaxPool where a scale is not positive."""
    channels = np.flatnonzero(~(scale > 0)).tolist()
    if channels:
        shown = ", ".join(map(str, channels[:8])) + (", …" if len(channels) > 8 else "")
        what = f"must have positive scales to move before {pool.name} (MaxPool), not in channels {shown}"
        raise _refusal(norm, what, "put it before the MaxPool, or negate those filters and scales")


def _one_a_channel(norm: Node, flatten: Node, flat: np.ndarray, channels: int) -> np.ndarray:
    """Return the number that all pixels of each channel share; refuse if they do not."""
    pixels = flat.reshape(channels, -1)
    if (pixels != pixels[:, :1]).any():
        what = f"must be equal for all pixels of a channel to move before {flatten.name} (Flatten)"
        raise _refusal(norm, what, _MOVE_IT)
    return pixels[:, 0]


def _scaled(norm: Node, layer: Node, scale: np.ndarray, offset: np.ndarray) -> Conv2d | Linear:
    """Return the layer with `scale` and `offset` applied to its result; refuse if that overflows."""
    op = layer.op
    with np.errstate(over="ignore", invalid="ignore"):
        weight = op.weight * scale.reshape(-1, *[1] * (op.weight.ndim - 1))
        bias = op.bias * scale + offset
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        what = f"must not overflow when it is folded into {layer.name} ({layer.kind})"
        raise _refusal(norm, what, "train with numbers of moderate size")
    return replace(op, weight=read_only(weight), bias=read_only(bias))


def _replace_op(graph: Graph[FloatOp], node: Node[FloatOp], op: FloatOp) -> Graph[FloatOp]:
    nodes = tuple(replace(other, op=op) if other.name == node.name else other for other in graph)
    return replace(graph, nodes=nodes)
