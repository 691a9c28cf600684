"""What a network consists of: layers, weights, and the multiplications that sparsity leaves."""

from typing import Any

import numpy as np

from compiler.ir.float_ops import Conv2d, Linear
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear

__all__ = ["summarize_graph"]

Json = dict[str, Any]


def summarize_graph(graph: Graph) -> Json:
    """Return a network's layers, weights and multiplications.

    `macs_sparse` counts the products of a nonzero weight and an input that a k-WTA lets through, for
    inputs active as often as it allows and spread evenly over the weights.
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
    source = graph.source(node)
    facts = {
        "name": node.name,
        "kind": node.kind.removeprefix("Integer"),
        "shape": list(node.output.shape),
        "form": _text(node.output.form),
        "active_in": source.active,
        "elements_in": source.size,
        "active": node.output.active,
        "elements": node.output.size,
        "weights_dense": 0,
        "weights_nonzero": 0,
        "macs_dense": 0,
        "macs_sparse": 0,
    }
    if isinstance(node.op, Conv2d | Linear | IntegerConv2d | IntegerLinear):
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
