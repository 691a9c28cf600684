"""Small random integer graphs with awkward values: ties, zeros, negatives, padding, any k."""

from dataclasses import replace

import numpy as np

from compiler.ir import integer_ops as it
from compiler.ir.graph import Graph, Node
from compiler.ir.intervals import accumulator_range
from compiler.ir.shapes import output_value
from compiler.ir.values import Value
from hdl.numerics import FixedPoint, signed_bits


class Builder:
    """Appends operations to a chain; forks by setting `last` to an earlier value."""

    def __init__(self, shape: tuple[int, int, int], form: FixedPoint) -> None:
        self.input = self.last = Value("input", shape, form)
        self.nodes: list[Node] = []

    def add(self, op: it.IntegerOp, form: FixedPoint | None = None) -> Value:
        """Append one operation; its form follows from the operation unless given."""
        value = output_value(op, self.last, f"{type(op).__name__.lower()}{len(self.nodes)}")
        if isinstance(op, it.IntegerConv2d | it.IntegerLinear):
            width = signed_bits(*accumulator_range(op, self.last))
            form = FixedPoint(width, self.last.form.fraction_bits + 5, signed=True)
        self.nodes.append(Node(op, (self.last.name,), replace(value, form=form or self.last.form)))
        self.last = self.nodes[-1].output
        return self.last

    def graph(self) -> Graph:
        """Return what was built; the output is the last value."""
        scale = self.last.form.scale
        return Graph("random", self.input, tuple(self.nodes), self.last.name, output_scale=scale)


def payload(rng: np.random.Generator, shape: tuple[int, ...], limit: int, share: float = 0.6) -> np.ndarray:
    """Return read-only random integers of magnitude up to `limit`, about `share` of them nonzero."""
    array = rng.integers(-limit, limit + 1, shape) * (rng.random(shape) < share)
    array.setflags(write=False)
    return array


def random_graph(seed: int) -> Graph:
    """Return a network of two convolutions, pools, k-WTAs and two linear layers, all sizes random."""
    rng = np.random.default_rng(seed)
    form = FixedPoint(int(rng.integers(2, 9)), 3, signed=bool(rng.integers(2)))
    build = Builder((int(rng.integers(1, 4)), 9, 8), form)
    for _ in range(2):
        channels, filters = build.last.shape[0], int(rng.integers(1, 7))
        kernel = tuple(int(n) for n in rng.integers(1, 4, 2))
        padding = tuple(int(n) for n in rng.integers(0, 3, 4))
        bias = payload(rng, (filters,), 50)
        build.add(it.IntegerConv2d(payload(rng, (filters, channels, *kernel), 15), bias, 5, padding))
        _activate(build, rng)
        if rng.integers(2):
            build.add(it.IntegerMaxPool((2, int(rng.integers(1, 3)))))
        build.add(it.IntegerKWinners(int(rng.integers(1, filters + 1)), "local"))
    build.add(it.IntegerFlatten())
    build.add(it.IntegerLinear(payload(rng, (10, build.last.size), 127), payload(rng, (10,), 99), 8))
    _activate(build, rng)
    build.add(it.IntegerKWinners(int(rng.integers(1, 11)), "global"))
    build.add(it.IntegerLinear(payload(rng, (4, 10), 127), payload(rng, (4,), 99), 8))
    return build.graph()


def _activate(build: Builder, rng: np.random.Generator) -> None:
    """Requantize to few bits, so that ties abound; signed ones leave negative winners."""
    shift, source = int(rng.integers(0, 6)), build.last.form.fraction_bits
    form = FixedPoint(int(rng.integers(2, 5)), source - shift, bool(rng.integers(2)))
    build.add(it.Requantize(1, shift), form)


def random_frames(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Return int64 frames over the whole range of the input, the last two at its extremes."""
    form = graph.input.form
    frames = np.random.default_rng(seed).integers(form.minimum, form.maximum + 1, (count, *graph.input.shape))
    frames[-2:] = np.array([form.minimum, form.maximum]).reshape(2, 1, 1, 1)
    return frames
