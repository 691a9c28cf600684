"""Where the registers go: which adders share a pipeline stage, and what waits between stages."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from hdl.conv.adder_graph import AdderGraph
from hdl.conv.signed_digits import Term

__all__ = ["AdderStages", "make_stages"]

SWEEPS = 4

KEPT = 16
"""Pipelines that are kept: a search for a schedule asks for the same ones over and over."""


@dataclass(frozen=True, eq=False)
class AdderStages:
    """Every adder's place in a pipeline, chosen so that few bits wait in registers.

    An adder has a level above those of its operands, at most `depth`; `adders_per_stage` levels make a
    stage, with registers behind it. Outputs leave the last stage together.

    Parameters
    ----------
    graph : AdderGraph
    adders_per_stage : int
        Adders in a row between two registers.
    """

    graph: AdderGraph
    adders_per_stage: int

    @property
    def count(self) -> int:
        """Stages from the inputs to the outputs."""
        return -(-self.graph.depth // self.adders_per_stage)

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """The stage that computes each adder, from 0."""
        return tuple((level - 1) // self.adders_per_stage for level in self._levels)

    @cached_property
    def alive(self) -> tuple[range, ...]:
        """Per signal, the stages at whose end a register keeps it: a later stage needs it."""
        inputs = len(self.graph.inputs)
        first = [*([0] * inputs), *self.stages]
        last = list(first)
        for adder, stage in zip(self.graph.adders, self.stages, strict=True):
            for signal in adder.signals:
                last[signal] = max(last[signal], stage)
        for term in self.graph.outputs:
            if isinstance(term, Term):
                last[term.signal] = self.count
        return tuple(range(one, other) for one, other in zip(first, last, strict=True))

    @cached_property
    def register_bits(self) -> int:
        """Bits of all pipeline registers."""
        return sum(len(alive) * one.bits for alive, one in zip(self.alive, self.graph.ranges, strict=True))

    @cached_property
    def _levels(self) -> list[int]:
        """Start as early as can be, then let each adder go where it and its operands wait least."""
        graph, inputs = self.graph, len(self.graph.inputs)
        levels = list(graph.depths)
        bits = [one.bits for one in graph.ranges]
        users: list[list[int]] = [[] for _ in levels]
        for number, adder in enumerate(graph.adders, inputs):
            for signal in set(adder.signals):
                users[signal].append(number)
        final = self.count * self.adders_per_stage
        ends = {term.signal for term in graph.outputs if isinstance(term, Term)}

        def stage(signal: int) -> int:
            return max(levels[signal] - 1, 0) // self.adders_per_stage

        def waiting(signal: int) -> int:
            needed = self.count if signal in ends else max(map(stage, users[signal]), default=stage(signal))
            return bits[signal] * (needed - stage(signal))

        for sweep in range(SWEEPS):
            numbers = range(inputs, len(levels))
            for number in reversed(numbers) if sweep % 2 == 0 else numbers:
                operands = set(graph.adders[number - inputs].signals)
                earliest = 1 + max(levels[signal] for signal in operands)
                latest = min((levels[user] - 1 for user in users[number]), default=final)
                best = None
                for level in range(earliest, latest + 1):
                    levels[number] = level
                    cost = waiting(number) + sum(map(waiting, operands))
                    # Of equally good places the latest leaves its operands the most room.
                    if best is None or cost <= best[0]:
                        best = cost, level
                levels[number] = best[1]
        return levels[inputs:]


@lru_cache(maxsize=KEPT)
def make_stages(graph: AdderGraph, adders_per_stage: int) -> AdderStages:
    """Return the pipeline of a graph; the same one for the same graph."""
    return AdderStages(graph, adders_per_stage)
