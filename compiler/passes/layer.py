"""A layer with multiplications: which of the ways to build it keeps up, and takes least."""

from dataclasses import replace
from functools import cached_property

import numpy as np

from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerKWinners, IntegerLinear, IntegerOp
from compiler.ir.values import Value
from compiler.passes.candidates import (
    Candidate,
    area_of,
    in_turns,
    selecting,
    sharing,
    wire_luts,
    zero_skip,
)
from compiler.passes.choose_columns import Columns, selects_pixels
from compiler.passes.prices import Prices
from hdl.activation.global_winners import GlobalWinnersConfig
from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources
from hdl.streams.formats import DenseFormat

__all__ = ["MOST_ARRAYS", "Layer", "layers_of"]

MOST_ARRAYS = 8
"""Arrays that take the positions of a convolution in turns at most; for winners and no interval, one does.
Their number divides the positions, so that every frame takes as long as every other."""

LOOKED_AT = 2
"""Numbers of lanes, of those that promise most, for which the area is found out."""

LANE_LUTS = 66
"""Lookup tables of a lane beside its accumulators, estimated: adders, here and behind."""


def layers_of(graph: Graph[IntegerOp], columns: Columns, fabric: Fabric, most_arrays: int) -> "list[Layer]":
    """Return the layers with multiplications; several arrays for winners only up to `most_arrays`."""
    layers = []
    for node in graph:
        if isinstance(node.op, IntegerConv2d | IntegerLinear):
            # Without zeros to skip, turns are the only way to be faster.
            most = MOST_ARRAYS if graph.source(node).sparse is None else most_arrays
            layers.append(Layer(graph, node, columns, most, fabric))
    return layers


class Layer:
    """The ways to build a layer.

    Parameters
    ----------
    graph : Graph of integer operations
    node : Node
        A convolution or matrix product of it.
    columns : Columns
        How the input comes in.
    most_arrays : int
        Arrays that may take turns.
    fabric : Fabric
    """

    def __init__(
        self, graph: Graph[IntegerOp], node: Node[IntegerOp], columns: Columns, most_arrays: int,
        fabric: Fabric,
    ) -> None:  # fmt: skip
        self.node, self.source, self.name = node, graph.source(node), node.name
        self.selects, self.columns, self.fabric = selects_pixels(graph, node), columns, fabric
        self.winners_behind = _global_winners_behind(graph, node)
        most = 1 if self.selects or node.op.weight.ndim == 2 else most_arrays
        self.arrays = [number for number in range(1, most + 1) if self.positions % number == 0]
        form = self.source.form
        self.paired = fabric.pairs(node.op.weight_bits, form.width + (not form.signed))
        self._known: dict[tuple[int, int], Candidate] = {}

    @property
    def outputs(self) -> int:
        """Channels or units computed."""
        return self.node.output.shape[0]

    @property
    def positions(self) -> int:
        """Positions at which they are."""
        return int(np.prod(self.node.output.shape[1:]))

    @property
    def fastest(self) -> int:
        """Cycles a frame with a lane for every output, in as many arrays as there may be."""
        return self.candidate(self.outputs, self.arrays[-1]).cycles

    @property
    def slowest(self) -> int:
        """Cycles a frame with the fewest multipliers: one lane, for all taps if it skips zeros."""
        alone = self.candidate(1)
        if alone.folding.engine != "zero_skip" or self.node.op.weight.ndim == 2:
            return alone.cycles
        return self.positions * max(self.outputs, int(self._words(1).sum()))

    @property
    def wire_luts(self) -> int:
        """Lookup tables of its weights as wires, estimated from above."""
        return wire_luts(self.node, self.source) * self.columns.made

    def candidate(self, lanes: int, arrays: int = 1) -> Candidate:
        """Return the layer with that many lanes, in each of some arrays."""
        if (lanes, arrays) not in self._known:
            if self.selects:
                built = selecting(self.node, lanes, self.columns)
            elif arrays > 1:
                built = in_turns(self.node, self.candidate(lanes), arrays)
            else:
                built = zero_skip(self.node, self.source, lanes, self.paired)
            if self.winners_behind is not None:
                cycles = self._selector(built).cycles_per_frame
                built = replace(built, cycles=max(built.cycles, cycles))
            self._known[lanes, arrays] = built
        return self._known[lanes, arrays]

    def cheapest(self, interval: int, prices: Prices) -> Candidate:
        """Return what keeps up and is worth least of what is looked at."""
        found = [candidate for arrays in self.arrays for candidate in self._promising(arrays, interval)]
        assert found, f"{self.name} takes {self.fastest} cycles, more than {interval}"
        return min(found, key=lambda candidate: prices.of(self._area(candidate)))

    def _promising(self, arrays: int, interval: int) -> list[Candidate]:
        """Return some candidates of so many arrays that keep up, those first that promise the least area."""
        numbers = {-(-self.outputs // slots) for slots in range(1, self.outputs + 1)}
        within = [lanes for lanes in numbers if self._least_cycles(lanes) // arrays <= interval]
        found: list[Candidate] = []
        for lanes in sorted(within, key=lambda lanes: (self._promise(lanes, arrays, interval), lanes)):
            built = self.candidate(lanes, arrays)
            if built.cycles <= interval:
                found.append(self._slowed(built, interval))
            if len(found) == (LOOKED_AT if self.arrays == [1] else 1):
                break
        return found

    def _area(self, candidate: Candidate) -> Resources:
        """Predict what a candidate takes, with the selector whose lanes are its own."""
        area = area_of(self.node, self.source, candidate.folding, self.fabric)
        if self.winners_behind is None:
            return area
        return area + self._selector(candidate).cost(self.fabric)

    def _selector(self, candidate: Candidate) -> GlobalWinnersConfig:
        value, k = self.winners_behind
        lanes, order = candidate.folding.lanes, candidate.folding.order
        return GlobalWinnersConfig(source=DenseFormat(value.shape, value.form, lanes, order), k=k)

    def _slowed(self, fast: Candidate, interval: int) -> Candidate:
        """Return less hardware of the same lanes that keeps up, where a layer can be built so."""
        if fast.folding.engine == "zero_skip" and self.node.op.weight.ndim == 4:
            return sharing(self.node, self.source, fast, interval)
        return fast

    @cached_property
    def _counts(self) -> np.ndarray:
        """How many outputs have a nonzero weight for each input, tap by tap."""
        return np.count_nonzero(self.node.op.weight, axis=0)

    @cached_property
    def _nonzeros(self) -> np.ndarray:
        """The nonzero weights of the inputs that have most: int[taps, inputs that are active at a time]."""
        counts = self._counts.reshape(len(self._counts), -1).T
        source = self.source
        active = source.active if self.node.op.weight.ndim == 2 else source.at_most or source.shape[0]
        return np.sort(counts, axis=1)[:, ::-1][:, :active]

    def _words(self, lanes: int) -> np.ndarray:
        """Return a bound on the words that each tap's inputs take, which no assignment to lanes can beat."""
        return np.maximum(1, -(-self._nonzeros // lanes)).sum(axis=1)

    def _least_cycles(self, lanes: int) -> int:
        """Return a bound on the cycles of a frame with one array; cheaper than a candidate."""
        slots = -(-self.outputs // lanes)
        if self.selects:
            return self.positions * slots // self.columns.made
        if self.node.op.weight.ndim == 4:
            return self.positions * max(slots, int(self._words(lanes).max()))
        return slots + int(self._words(lanes).sum())

    def _promise(self, lanes: int, arrays: int, interval: int) -> float:
        """Return about how many lookup tables so many lanes take; of wires none: they are looked at first."""
        if self.selects:
            return 0 if lanes == self.outputs else lanes
        if self.node.op.weight.ndim == 4:
            hold = max(1, interval * arrays // self.positions)
            columns = -(-int(self._words(lanes).sum()) // hold)
            return self._lane_luts(lanes, banks=2) * lanes * arrays * columns
        words = lanes * np.maximum(1, -(-self._counts // lanes)).sum()
        bits = self.node.op.weight_bits + bits_for_range(-(-self.outputs // lanes))
        return self._lane_luts(lanes, banks=1) * lanes + float(words) * bits / 64

    def _lane_luts(self, lanes: int, banks: int) -> int:
        """Return about how many lookup tables each of so many lanes takes."""
        slots = 1 << bits_for_range(-(-self.outputs // lanes))
        sums = self.fabric.accumulators(self.node.output.form.width, banks * slots, ports=banks)
        return LANE_LUTS + sums.lut


def _global_winners_behind(graph: Graph[IntegerOp], node: Node[IntegerOp]) -> tuple[Value, int] | None:
    """Return what a global k-WTA behind the layer reads, the requantized result, and its k; else None."""
    for requantizer in graph.users(node.name):
        for user in graph.users(requantizer.name):
            is_global = isinstance(user.op, IntegerKWinners) and user.op.scope == "global"
            if is_global and user.op.k < node.output.size:
                return requantizer.output, user.op.k
    return None
