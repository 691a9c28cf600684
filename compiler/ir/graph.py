"""The graph: operations in an order in which each comes after its inputs. Any DAG, not just a chain."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from compiler.ir.float_ops import FloatOp, Normalize
from compiler.ir.integer_ops import IntegerOp
from compiler.ir.values import Value

__all__ = ["Graph", "Node"]

Op = TypeVar("Op", FloatOp, IntegerOp)


@dataclass(frozen=True)
class Node(Generic[Op]):
    """One operation: it reads the values named `inputs` and defines `output`.

    A node is named by its output value, and keeps the name of the layer it came from.
    """

    op: Op
    inputs: tuple[str, ...]
    output: Value

    @property
    def name(self) -> str:
        """Name of the node and of the value it defines."""
        return self.output.name

    @property
    def kind(self) -> str:
        """Class of the operation."""
        return type(self.op).__name__


@dataclass(frozen=True)
class Graph(Generic[Op]):
    """A network: one input value, nodes in topological order, the name of one output value.

    `normalize` says how the host turns raw uint8 features into the real-valued input, if the model
    carries that; `notes` are remarks for the user, in the order they arose; `output_scale` is the real
    value of one unit of the output (integer graphs).
    """

    name: str
    input: Value
    nodes: tuple[Node[Op], ...]
    output: str
    normalize: Normalize | None = None
    output_scale: float = 1.0
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Node[Op]]:
        return iter(self.nodes)

    def value(self, name: str) -> Value:
        """Return the value of that name. Raises KeyError."""
        if name == self.input.name:
            return self.input
        return self.node(name).output

    def node(self, name: str) -> Node[Op]:
        """Return the node of that name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def source(self, node: Node[Op]) -> Value:
        """Return the first input value of a node."""
        return self.value(node.inputs[0])

    def users(self, name: str) -> tuple[Node[Op], ...]:
        """Return the nodes that read a value, in order."""
        return tuple(node for node in self.nodes if name in node.inputs)
