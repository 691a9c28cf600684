"""A graph as text for people: one line a node, the same text for the same graph."""

import hashlib
from dataclasses import fields

import numpy as np

from compiler.ir.graph import Graph, Node

__all__ = ["to_text"]


def to_text(graph: Graph) -> str:
    """Return the graph as text that ends with a newline.

    Each node is a line: the value it defines, its operation and inputs, the operation's numbers.
    Arrays appear as element type, shape, count of nonzeros and the start of the SHA-256 of their
    little-endian bytes, so that two texts differ where two graphs do.

    >>> from compiler.ir import float_ops
    >>> from compiler.ir.values import Value
    >>> pool = Node(float_ops.MaxPool((2, 2)), ("x",), Value("pool1", (1, 2, 2)))
    >>> print(to_text(Graph("tiny", Value("x", (1, 4, 4)), (pool,), "pool1")), end="")
    graph tiny
    input %x [1×4×4] float
    %pool1 [1×2×2] float = MaxPool(%x) kernel=(2, 2)
    output %pool1 scale=1.0
    """
    lines = [f"graph {graph.name}"]
    if graph.normalize is not None:
        lines.append(f"normalize mean={graph.normalize.mean!r} std={graph.normalize.std!r}")
    lines.append(f"input {graph.input}")
    lines += [_node_text(node) for node in graph]
    lines.append(f"output %{graph.output} scale={graph.output_scale!r}")
    lines += [f"note {note}" for note in graph.notes]
    return "\n".join(lines) + "\n"


def _node_text(node: Node) -> str:
    inputs = ", ".join(f"%{name}" for name in node.inputs)
    operands = [f"{field.name}={_field_text(getattr(node.op, field.name))}" for field in fields(node.op)]
    return " ".join([f"{node.output} = {node.kind}({inputs})", *operands])


def _field_text(value: object) -> str:
    if not isinstance(value, np.ndarray):
        return repr(value)
    little_endian = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    digest = hashlib.sha256(little_endian.tobytes()).hexdigest()[:8]
    shape = ",".join(map(str, value.shape))
    return f"{value.dtype}[{shape}]{{nonzero {np.count_nonzero(value)}, sha256 {digest}}}"
