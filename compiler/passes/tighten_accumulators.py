"""Give each accumulator the width it needs, and no more."""

from dataclasses import dataclass, replace

from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear, IntegerOp, Requantize
from compiler.ir.intervals import accumulator_range
from compiler.ir.values import Value
from hdl.numerics import FixedPoint, signed_bits

__all__ = ["TightenAccumulators"]


@dataclass(frozen=True)
class TightenAccumulators:
    """Narrow each accumulator to the fewest bits that can never overflow.

    Before: an integer graph. After: the same graph, in which the form of each IntegerConv2d and
    IntegerLinear is the narrowest signed one that holds every partial sum, in any order and with or
    without the bias, of any input the graph can get; see
    :func:`compiler.ir.intervals.accumulator_range`. Bounds of a k-WTA are made use of. Exact.

    Parameters
    ----------
    spare_bits : int
        By how much wider they are, for weights that may be loaded later.
    """

    spare_bits: int = 0

    def __call__(self, graph: Graph[IntegerOp]) -> Graph[IntegerOp]:
        """Return the graph with tight accumulators."""
        values: dict[str, Value] = {graph.input.name: graph.input}
        nodes: list[Node[IntegerOp]] = []
        for node in graph:
            output = replace(node.output, form=_form(node, values[node.inputs[0]], self.spare_bits))
            values[node.name] = output
            nodes.append(replace(node, output=output))
        return replace(graph, nodes=tuple(nodes))


def _form(node: Node[IntegerOp], source: Value, spare_bits: int) -> FixedPoint | None:
    """Return the format of what a node makes of `source`."""
    if isinstance(node.op, IntegerConv2d | IntegerLinear):
        width = signed_bits(*accumulator_range(node.op, source))
        return replace(node.output.form, width=width + spare_bits)
    return node.output.form if isinstance(node.op, Requantize) else source.form
