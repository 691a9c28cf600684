"""Small float graphs with numbers on a coarse grid, so that ties and exact results abound."""

import numpy as np

from compiler.ir import float_ops as fl
from compiler.ir.graph import Graph, Node
from compiler.ir.rewrite import read_only
from compiler.ir.shapes import output_value
from compiler.ir.values import Value


def chain(shape: tuple[int, int, int], *ops: fl.FloatOp) -> Graph:
    """Return a graph of operations one behind the other, named as `conv2d1`, `relu2`."""
    value = first = Value("input", shape)
    nodes = []
    for number, op in enumerate(ops, start=1):
        output = output_value(op, value, f"{type(op).__name__.lower()}{number}")
        nodes.append(Node(op, (value.name,), output))
        value = output
    return Graph("chain", first, tuple(nodes), value.name)


def grid(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return eighths from -7/8 to 7/8, about a third of them zero and the first the largest."""
    numbers = rng.integers(-7, 8, shape) * (rng.random(shape) < 0.7)
    numbers.flat[0] = 7
    return read_only(numbers / 8)


def conv(
    rng: np.random.Generator, filters: int, channels: int, padding: fl.Padding = (0, 0, 0, 0)
) -> fl.Conv2d:
    """Return a 2×3 convolution."""
    return fl.Conv2d(grid(rng, filters, channels, 2, 3), grid(rng, filters), padding, weight_bits=4)


def linear(rng: np.random.Generator, outputs: int, inputs: int) -> fl.Linear:
    """Return a linear layer."""
    return fl.Linear(grid(rng, outputs, inputs), grid(rng, outputs), weight_bits=4)


def norm(rng: np.random.Generator, channels: int, signs: bool = False) -> fl.BatchNorm:
    """Return a batch normalization; with `signs`, some scales are negative."""
    scale = rng.uniform(0.5, 2.0, channels) * (rng.choice([-1.0, 1.0], channels) if signs else 1.0)
    return fl.BatchNorm(read_only(scale), read_only(rng.normal(size=channels)))


def frames(rng: np.random.Generator, graph: Graph, count: int = 20) -> np.ndarray:
    """Return float64 frames of integers from -8 to 7."""
    return rng.integers(-8, 8, (count, *graph.input.shape)).astype(np.float64)
