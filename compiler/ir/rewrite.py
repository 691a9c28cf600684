"""Steps that passes rewrite a graph with."""

from dataclasses import replace

import numpy as np

from compiler.ir.graph import Graph, Node

__all__ = ["read_only", "redirect", "without"]


def read_only(array: np.ndarray) -> np.ndarray:
    """Return the array as a payload: contiguous and not writable. The argument stays as it is."""
    payload = np.array(array, order="C")
    payload.setflags(write=False)
    return payload


def redirect(graph: Graph, old: str, new: str) -> Graph:
    """Let everything that reads value `old`, the output included, read value `new`."""
    nodes = tuple(
        replace(node, inputs=tuple(new if name == old else name for name in node.inputs)) for node in graph
    )
    return replace(graph, nodes=nodes, output=new if graph.output == old else graph.output)


def without(graph: Graph, node: Node) -> Graph:
    """Remove a node of one input; its readers read that input instead."""
    kept = replace(graph, nodes=tuple(other for other in graph if other.name != node.name))
    return redirect(kept, node.name, node.inputs[0])
