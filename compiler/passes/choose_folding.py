"""Choose, layer by layer, the least hardware that keeps up with the interval wanted."""

from dataclasses import dataclass

import numpy as np

from boards import Board
from compiler.errors import DoesNotFit, Problem
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerKWinners, IntegerLinear, IntegerOp
from compiler.ir.schedule import Folding, Schedule
from compiler.ir.values import Value
from compiler.passes.assign_lanes import assign_lanes, word_counts

__all__ = ["ChooseFolding"]

LARGEST_SELECTION = 256
"""Window elements up to which pixels are selected by wires; beyond, activations are broadcast."""

MOST_INPUT_LANES = 8


@dataclass(frozen=True)
class Candidate:
    """One way to build a layer: what it costs, and how long a frame takes at most."""

    folding: Folding
    cycles: int
    multipliers: int


@dataclass(frozen=True)
class ChooseFolding:
    """Before: an integer graph. After: the same graph, and a schedule for it. Exact.

    With `interval_cycles` every layer gets the fewest multipliers that keep within it. Without, the
    shortest interval is chosen whose multipliers fit the board's budget of DSP blocks; constants of a
    layer that takes a single step a window are logic and not counted.
    """

    board: Board
    interval_cycles: int | None = None

    def __call__(self, graph: Graph[IntegerOp]) -> Schedule:
        """Return the schedule. Raises DoesNotFit if the interval or the board is too small."""
        lanes = _input_lanes(graph.input)
        groups = -(-graph.input.shape[0] // lanes)
        floor = graph.input.shape[1] * graph.input.shape[2] * groups
        options = {
            node.name: _candidates(graph, node)
            for node in graph
            if isinstance(node.op, IntegerConv2d | IntegerLinear)
        }
        interval = self.interval_cycles or self._shortest_interval(floor, options)
        chosen = self._choose(interval, floor, options)
        foldings = [(name, candidate.folding) for name, candidate in chosen.items()]
        for node in graph:
            if isinstance(node.op, IntegerKWinners):
                foldings.append((node.name, _winners_folding(graph, node, interval)))
        return Schedule(interval, lanes, tuple(foldings))

    @property
    def _dsp_budget(self) -> int:
        return int(self.board.dsp * self.board.budget_fraction)

    def _shortest_interval(self, floor: int, options: dict[str, list[Candidate]]) -> int:
        """Return the shortest interval that the multipliers' budget allows."""
        intervals = {max(floor, c.cycles) for candidates in options.values() for c in candidates}
        least = max([floor, *(min(c.cycles for c in candidates) for candidates in options.values())])
        for interval in sorted(i for i in intervals | {least} if i >= least):
            chosen = _cheapest(interval, options)
            if sum(c.multipliers for c in chosen.values()) <= self._dsp_budget:
                return interval
        worst = max(options, key=lambda name: min(c.multipliers for c in options[name]))
        need = sum(min(c.multipliers for c in candidates) for candidates in options.values())
        raise DoesNotFit(
            Problem(
                worst,
                f"the smallest design needs {need} DSP blocks, but {self.board.name} offers "
                f"{self._dsp_budget} of its {self.board.dsp}",
                "choose a larger board, or a network with smaller kernels",
            )
        )

    def _choose(self, interval: int, floor: int, options: dict[str, list[Candidate]]) -> dict[str, Candidate]:
        problems = []
        if floor > interval:
            problems.append(
                Problem("input", f"{floor} beats a frame take {floor} cycles, more than {interval}",
                        f"ask for --interval {floor} or more")
            )
        for name, candidates in options.items():
            fastest = min(c.cycles for c in candidates)
            if fastest > interval:
                problems.append(
                    Problem(name, f"takes at least {fastest} cycles a frame, more than {interval}",
                            f"ask for --interval {fastest} or more")
                )
        if problems:
            raise DoesNotFit(*problems)
        return _cheapest(interval, options)


def _cheapest(interval: int, options: dict[str, list[Candidate]]) -> dict[str, Candidate]:
    """Return each layer's smallest candidate that keeps up."""
    return {
        name: min((c for c in candidates if c.cycles <= interval), key=lambda c: (c.multipliers, c.cycles))
        for name, candidates in options.items()
    }


def _input_lanes(value: Value) -> int:
    """Return how many elements an input beat carries: a whole pixel where that is few."""
    return min(value.shape[0], MOST_INPUT_LANES)


def _candidates(graph: Graph[IntegerOp], node: Node[IntegerOp]) -> list[Candidate]:
    """Return the ways to build a convolution or a matrix product, one for each number of slots."""
    source, outputs = graph.source(node), node.output.shape[0]
    all_lanes = sorted({-(-outputs // slots) for slots in range(1, outputs + 1)})
    if isinstance(node.op, IntegerConv2d):
        if _selects_pixels(graph, node):
            return [_sparse_dense(node, lanes) for lanes in all_lanes]
        return [_zero_skip_conv(node, source, lanes) for lanes in all_lanes]
    return [_zero_skip_linear(node, source, lanes) for lanes in all_lanes]


def _selects_pixels(graph: Graph[IntegerOp], node: Node[IntegerOp]) -> bool:
    """Say whether the layer reads the input, a pixel a beat, through a window of few elements."""
    source = graph.source(node)
    elements = int(np.prod(node.op.weight.shape[1:]))
    whole_pixel = source.shape[0] == _input_lanes(source)
    return source.name == graph.input.name and whole_pixel and elements <= LARGEST_SELECTION


def _sparse_dense(node: Node[IntegerOp], lanes: int) -> Candidate:
    filters, _, rows, columns = node.op.weight.shape
    counts = np.count_nonzero(node.op.weight.reshape(filters, -1), axis=1)
    # Filters of like size share a lane: its multipliers are those of its largest filter.
    by_size = np.argsort(-counts, kind="stable")
    slots = -(-filters // lanes)
    padded = np.concatenate([by_size, np.full(slots * lanes - filters, -1)])
    order = padded.reshape(lanes, slots).T.ravel()
    height, width = node.output.shape[1:]
    row_gap = max(0, columns - slots)
    multipliers = int(counts[by_size[::slots]].sum()) if slots > 1 else 0
    cycles = height * (width * slots + row_gap)
    return Candidate(Folding("sparse_dense", lanes, tuple(order.tolist())), cycles, multipliers)


def _zero_skip_conv(node: Node[IntegerOp], source: Value, lanes: int) -> Candidate:
    filters, channels, rows, columns = node.op.weight.shape
    nonzero = node.op.weight.transpose(2, 3, 1, 0).reshape(-1, filters) != 0
    order = assign_lanes(nonzero, lanes)
    words = np.maximum(word_counts(nonzero, order, lanes), 1).reshape(-1, channels)
    active = source.at_most if source.sparse == "local" else channels
    slowest = int(np.sort(words, axis=1)[:, ::-1][:, :active].sum(axis=1).max())
    window = max(slowest, len(order) // lanes)
    row_gap = max(0, columns - window)
    height, width = node.output.shape[1:]
    cycles = height * (width * window + row_gap)
    return Candidate(Folding("zero_skip", lanes, order), cycles, rows * columns * lanes)


def _zero_skip_linear(node: Node[IntegerOp], source: Value, lanes: int) -> Candidate:
    nonzero = node.op.weight.T != 0
    order = assign_lanes(nonzero, lanes)
    words = np.sort(np.maximum(word_counts(nonzero, order, lanes), 1))[::-1]
    cycles = max(int(words[: source.active].sum()), len(order) // lanes)
    return Candidate(Folding("zero_skip", lanes, order), cycles, lanes)


def _winners_folding(graph: Graph[IntegerOp], node: Node[IntegerOp], interval: int) -> Folding:
    """Return the lanes with which the elements pass a k-WTA within the interval."""
    channels, height, width = graph.source(node).shape
    groups = max(1, interval // (height * width))
    return Folding("stream", max(1, -(-channels // groups)))
