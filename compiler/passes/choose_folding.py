"""Choose, layer by layer, the least hardware that keeps up with the interval wanted."""

from dataclasses import dataclass

from boards import Board
from compiler.errors import DoesNotFit, Problem
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerKWinners, IntegerOp
from compiler.ir.schedule import Folding, Schedule
from compiler.passes.candidates import Candidate
from compiler.passes.choose_columns import choose_columns, input_lanes
from compiler.passes.layer import MOST_ARRAYS, Layer, layers_of
from compiler.passes.prices import Prices, price_lists
from hdl.resources import fabric_of

__all__ = ["ChooseFolding"]

WIRES_SHARE = 0.5
"""Most of a board's budget of logic that goes into wires for want of multipliers."""

GROWTH = 2 ** (1 / 8)
"""How much longer the next interval is that is tried when one does not fit."""


@dataclass(frozen=True)
class ChooseFolding:
    """Before: an integer graph. After: the same graph, and a schedule for it. Exact.

    With `interval_cycles` every layer gets what is worth least of what keeps within it, at `prices`: unless
    given, shares of the board's budget. Without, the shortest interval is looked for whose multipliers fit
    the board's budget of DSP blocks. Weights that become wires take none; where multipliers are short and
    logic is not, weights become wires that need not.
    """

    board: Board
    interval_cycles: int | None = None
    prices: Prices | None = None

    def __call__(self, graph: Graph[IntegerOp]) -> Schedule:
        """Return the schedule. Raises DoesNotFit if the interval or the board is too small."""
        lanes, columns = input_lanes(graph.input), choose_columns(graph, self.interval_cycles)
        channels, height, width = graph.input.shape
        beats = height * width // columns.read * -(-channels // lanes)
        interval = self.interval_cycles
        most_arrays = MOST_ARRAYS if interval is not None else 1
        fabric = fabric_of(self.board.lut_inputs)
        layers = layers_of(graph, columns, fabric, most_arrays)
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
        return Schedule(
            interval, lanes, tuple(foldings), columns.read, adders_per_stage=fabric.adders_per_stage
        )

    @property
    def _dsp_budget(self) -> int:
        return int(self.board.dsp * self.board.budget_fraction)

    def _shortest(self, least: int, layers: list[Layer]) -> tuple[int, dict[str, Candidate]]:
        """Return the shortest interval from `least` on that the budget of multipliers allows."""
        slowest = max([least, *(layer.slowest for layer in layers)])
        interval = least
        while _multipliers(chosen := self._choose(interval, layers)) > self._dsp_budget:
            if interval == slowest:
                remedy = "choose a larger board, or a network with smaller kernels"
                raise self._refusal("the smallest design", chosen, remedy)
            interval = min(slowest, int(interval * GROWTH) + 1)
        return interval, chosen

    def _choose(self, interval: int, layers: list[Layer]) -> dict[str, Candidate]:
        """Return what keeps up for least, and wires where multipliers are short."""
        prices = self.prices or next(price_lists(self.board))
        chosen = {layer.name: layer.cheapest(interval, prices) for layer in layers}
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


def _winners_folding(graph: Graph[IntegerOp], node: Node[IntegerOp], interval: int) -> Folding:
    """Return the lanes with which the elements pass a k-WTA within the interval."""
    channels, height, width = graph.source(node).shape
    groups = max(1, interval // (height * width))
    return Folding("stream", max(1, -(-channels // groups)))
