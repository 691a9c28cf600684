"""Choose, layer by layer, the least hardware that keeps up with the interval wanted."""

from dataclasses import dataclass, replace

import numpy as np

from boards import Board
from compiler.errors import DoesNotFit, Problem
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerKWinners, IntegerLinear, IntegerOp
from compiler.ir.schedule import Folding, Schedule
from compiler.passes.candidates import Candidate, in_turns, selecting, sharing, zero_skip
from compiler.passes.choose_columns import Columns, choose_columns, input_lanes, selects_pixels
from hdl.activation.global_winners import GlobalWinnersConfig
from hdl.conv.signed_digits import signed_digits
from hdl.resources import Fabric, fabric_of
from hdl.streams.formats import DenseFormat

__all__ = ["ChooseFolding"]

WIRE_GROWTH_BITS = 4
"""Bits by which an adder of a wired layer is wider than the input, on average; estimated."""

WIRES_SHARE = 0.5
"""Most of a board's budget of logic that goes into wires for want of multipliers."""

MOST_ARRAYS = 8
"""Arrays that take the positions of a convolution in turns at most; for winners and no interval, one does.
Their number divides the positions, so that every frame takes as long as every other."""

GROWTH = 2 ** (1 / 8)
"""How much longer the next interval is that is tried when one does not fit."""


@dataclass(frozen=True)
class ChooseFolding:
    """Before: an integer graph. After: the same graph, and a schedule for it. Exact.

    With `interval_cycles` every layer gets the fewest lanes that keep within it. Without, the shortest
    interval is looked for whose multipliers fit the board's budget of DSP blocks. Weights that become wires
    take none; where multipliers are short and logic is not, weights become wires that need not.
    """

    board: Board
    interval_cycles: int | None = None

    def __call__(self, graph: Graph[IntegerOp]) -> Schedule:
        """Return the schedule. Raises DoesNotFit if the interval or the board is too small."""
        lanes, columns = input_lanes(graph.input), choose_columns(graph, self.interval_cycles)
        channels, height, width = graph.input.shape
        beats = height * width // columns.read * -(-channels // lanes)
        computed = [node for node in graph if isinstance(node.op, IntegerConv2d | IntegerLinear)]
        fabric = fabric_of(self.board.lut_inputs)
        layers = [Layer(graph, node, columns, self._most_arrays(graph, node), fabric) for node in computed]
        interval = self.interval_cycles
        if interval is None:
            interval, chosen = self._shortest(max([beats, *(layer.fastest for layer in layers)]), layers)
        else:
            _check_interval(interval, beats, layers)
            chosen = self._choose(interval, layers)
            if _multipliers(chosen) > self._dsp_budget:
                raise self._refusal(
                    f"an interval of {interval} cycles", chosen, "ask for a longer --interval"
                )
        foldings = [(name, candidate.folding) for name, candidate in chosen.items()]
        for node in graph:
            if isinstance(node.op, IntegerKWinners):
                foldings.append((node.name, _winners_folding(graph, node, interval)))
        return Schedule(interval, lanes, tuple(foldings), columns.read)

    def _most_arrays(self, graph: Graph[IntegerOp], node: Node[IntegerOp]) -> int:
        """Return how many arrays may take turns: without zeros, all there can be."""
        dense = graph.source(node).sparse is None
        return MOST_ARRAYS if dense or self.interval_cycles is not None else 1

    @property
    def _dsp_budget(self) -> int:
        return int(self.board.dsp * self.board.budget_fraction)

    def _shortest(self, least: int, layers: "list[Layer]") -> tuple[int, dict[str, Candidate]]:
        """Return the shortest interval from `least` on that the budget of multipliers allows."""
        smallest = {layer.name: layer.candidate(1) for layer in layers}
        if _multipliers(smallest) > self._dsp_budget:
            remedy = "choose a larger board, or a network with smaller kernels"
            raise self._refusal("the smallest design", smallest, remedy)
        interval = least
        while _multipliers(chosen := self._choose(interval, layers)) > self._dsp_budget:
            interval = int(interval * GROWTH) + 1
        return interval, chosen

    def _choose(self, interval: int, layers: "list[Layer]") -> dict[str, Candidate]:
        """Return the fewest lanes that keep up, and wires where multipliers are short."""
        chosen = {layer.name: layer.cheapest(interval) for layer in layers}
        if _multipliers(chosen) > self._dsp_budget:
            room = self.board.lut * self.board.budget_fraction * WIRES_SHARE
            wired = [layer for layer in layers if layer.selects and layer.wire_luts <= room]
            chosen |= {layer.name: layer.candidate(layer.outputs) for layer in wired}
        return chosen

    def _refusal(self, what: str, chosen: dict[str, Candidate], remedy: str) -> DoesNotFit:
        """Return the error that names the resource, the need, the limit and the worst layer."""
        worst = max(chosen, key=lambda name: chosen[name].multipliers)
        need = f"{what} needs {_multipliers(chosen)} DSP blocks, {chosen[worst].multipliers} of them here"
        offer = f"but {self.board.name} offers {self._dsp_budget} of its {self.board.dsp}"
        return DoesNotFit(Problem(worst, f"{need}, {offer}", remedy))


def _multipliers(chosen: dict[str, Candidate]) -> int:
    return sum(candidate.multipliers for candidate in chosen.values())


class Layer:
    """A layer with multiplications, and the ways to build it."""

    def __init__(
        self,
        graph: Graph[IntegerOp],
        node: Node[IntegerOp],
        columns: Columns,
        most_arrays: int,
        fabric: Fabric,
    ) -> None:
        self.node, self.source, self.name = node, graph.source(node), node.name
        self.selects, self.columns = selects_pixels(graph, node), columns
        self.global_winners = _global_winners_behind(graph, node)
        positions = int(np.prod(node.output.shape[1:]))
        most = 1 if self.selects or node.op.weight.ndim == 2 else most_arrays
        self.arrays = [number for number in range(1, most + 1) if positions % number == 0]
        form = self.source.form
        self.paired = fabric.pairs(node.op.weight_bits, form.width + (not form.signed))
        self._known: dict[tuple[int, int], Candidate] = {}

    @property
    def outputs(self) -> int:
        """Channels or units computed."""
        return self.node.output.shape[0]

    @property
    def fastest(self) -> int:
        """Cycles a frame with a lane for every output, in as many arrays as there may be."""
        return self.candidate(self.outputs, self.arrays[-1]).cycles

    @property
    def wire_luts(self) -> int:
        """Lookup tables of its weights as wires, estimated from above: nothing shared."""
        digits = sum(len(signed_digits(weight)) for weight in self.node.op.weight.ravel().tolist())
        return digits * (self.source.form.width + WIRE_GROWTH_BITS) * self.columns.made

    def candidate(self, lanes: int, arrays: int = 1) -> Candidate:
        """Return the layer with that many lanes, in each of some arrays."""
        if (lanes, arrays) not in self._known:
            if self.selects:
                built = selecting(self.node, lanes, self.columns)
            elif arrays > 1:
                built = in_turns(self.node, self.candidate(lanes), arrays)
            else:
                built = zero_skip(self.node, self.source, lanes, self.paired)
            if self.global_winners is not None:
                form = DenseFormat(self.node.output.shape, self.node.output.form, lanes, built.folding.order)
                selector = GlobalWinnersConfig(source=form, k=self.global_winners)
                built = replace(built, cycles=max(built.cycles, selector.cycles_per_frame))
            self._known[lanes, arrays] = built
        return self._known[lanes, arrays]

    def cheapest(self, interval: int) -> Candidate:
        """Return the candidate of fewest lanes that keeps up, in several arrays only if it must."""
        found: list[Candidate] = []
        for arrays in self.arrays:
            for lanes in sorted({-(-self.outputs // slots) for slots in range(1, self.outputs + 1)}):
                if self._least_cycles(lanes) // arrays > interval:
                    continue
                if self.candidate(lanes, arrays).cycles <= interval:
                    found.append(self._slowed(self.candidate(lanes, arrays), interval))
                    break
            if found and arrays == 1:
                return found[0]
        assert found, f"{self.name} takes {self.fastest} cycles, more than {interval}"
        return min(found, key=lambda candidate: candidate.multipliers)

    def _slowed(self, fast: Candidate, interval: int) -> Candidate:
        """Return less hardware of the same lanes that keeps up, where a layer can be built so."""
        if fast.folding.engine == "zero_skip" and self.node.op.weight.ndim == 4:
            return sharing(self.node, self.source, fast, interval)
        return fast

    def _least_cycles(self, lanes: int) -> int:
        """Return a bound that no assignment of outputs to lanes can beat; cheaper than a candidate."""
        slots = -(-self.outputs // lanes)
        positions = self.node.output.shape[1] * self.node.output.shape[2]
        if self.selects:
            return positions * slots // self.columns.made
        if self.node.op.weight.ndim == 4:
            return positions * slots
        nonzeros = np.sort(np.count_nonzero(self.node.op.weight, axis=0))[::-1][: self.source.active]
        return slots + int((-(-nonzeros // lanes)).sum())


def _check_interval(interval: int, beats: int, layers: list[Layer]) -> None:
    """Name everything that cannot keep up with an interval."""
    least = {"input": beats} | {layer.name: layer.fastest for layer in layers}
    problems = [
        Problem(
            name,
            f"takes at least {cycles} cycles a frame, more than the {interval} asked for",
            f"ask for --interval {max(least.values())} or more",
        )
        for name, cycles in least.items()
        if cycles > interval
    ]
    if problems:
        raise DoesNotFit(*problems)


def _global_winners_behind(graph: Graph[IntegerOp], node: Node[IntegerOp]) -> int | None:
    """Return the k of a global k-WTA that reads the layer's requantized result, else None."""
    for requantizer in graph.users(node.name):
        for user in graph.users(requantizer.name):
            is_global = isinstance(user.op, IntegerKWinners) and user.op.scope == "global"
            if is_global and user.op.k < node.output.size:
                return user.op.k
    return None


def _winners_folding(graph: Graph[IntegerOp], node: Node[IntegerOp], interval: int) -> Folding:
    """Return the lanes with which the elements pass a k-WTA within the interval."""
    channels, height, width = graph.source(node).shape
    groups = max(1, interval // (height * width))
    return Folding("stream", max(1, -(-channels // groups)))
