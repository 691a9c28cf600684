"""Move each ReLU up to the layer whose requantizer can absorb it."""

from dataclasses import dataclass, replace

from compiler.ir.float_ops import FakeQuantize, Flatten, FloatOp, KWinners, MaxPool, Relu
from compiler.ir.graph import Graph, Node
from compiler.ir.rewrite import redirect, without
from compiler.ir.values import Value

__all__ = ["HoistRelu"]


@dataclass(frozen=True)
class HoistRelu:
    """Move each ReLU before the MaxPool, Flatten, FakeQuantize or KWinners that it follows.

    Before: a float graph. After: a float graph in which a ReLU follows none of these where it is
    their only reader; a ReLU whose input cannot be negative is gone. Exact as values:

    - MaxPool takes maxima, and `max(max(a, b), 0) = max(max(a, 0), max(b, 0))`. Flatten only renames.
    - FakeQuantize is monotone and maps 0 to 0, so it commutes with `max(·, 0)`.
    - KWinners: `relu(kwinners(x)) = kwinners(relu(x))`. ReLU keeps the order and the ties of positive
      elements and puts all others, now 0, behind them. With k or more positive elements both sides
      choose the same k. With fewer, both keep all positive ones, and every other winner is 0 on the
      left by the ReLU and on the right already; a winner that is 0 is no winner.
    """

    def __call__(self, graph: Graph[FloatOp]) -> Graph[FloatOp]:
        """Return the graph with its ReLUs moved up."""
        moved = _step(graph)
        while moved is not graph:
            graph, moved = moved, _step(moved)
        return graph


def _step(graph: Graph[FloatOp]) -> Graph[FloatOp]:
    """Remove or move the first ReLU for which that is possible; return the same graph if none is."""
    sources = {node.name: node for node in graph}
    for relu in graph:
        above = sources.get(relu.inputs[0])
        if not isinstance(relu.op, Relu) or above is None:
            continue
        if isinstance(above.op, Relu) or (isinstance(above.op, FakeQuantize) and not above.op.signed):
            return without(graph, relu)
        movable = isinstance(above.op, MaxPool | Flatten | FakeQuantize | KWinners)
        if movable and graph.users(above.name) == (relu,) and graph.output != above.name:
            return _swap(graph, above, relu)
    return graph


def _swap(graph: Graph[FloatOp], above: Node[FloatOp], relu: Node[FloatOp]) -> Graph[FloatOp]:
    """Exchange a node and the ReLU that alone reads it; both keep their names."""
    source = graph.source(above)
    first = Node(relu.op, above.inputs, Value(relu.name, source.shape, None, source.at_most, source.sparse))
    second = replace(above, inputs=(relu.name,))
    graph = redirect(graph, relu.name, above.name)
    nodes = []
    for node in graph:
        if node.name == above.name:
            nodes += [first, second]
        elif node.name != relu.name:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))
