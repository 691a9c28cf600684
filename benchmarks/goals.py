"""The goals, and how far the figures are from them: the first table of the page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["GOALS", "Goal"]

Results = dict[str, Any]
Value = Callable[[Results], float | None]

MOST, LEAST = "at most", "at least"


@dataclass(frozen=True)
class Goal:
    """One figure to reach.

    Parameters
    ----------
    text : str
    bound : str
        `MOST` or `LEAST`.
    target, aim : float
        What must be, and what would be better still.
    part, figure : str
        Which figure it is about; a dot leads into a figure that has parts.
    against : (part, figure), optional
        What the figure is divided by.
    held_by : tuple of str
        Figures of the same part that say what stands in the way.
    """

    text: str
    bound: str
    target: float
    aim: float
    part: str
    figure: str
    against: tuple[str, str] | None = None
    held_by: tuple[str, ...] = ()

    def value(self, results: Results) -> float | None:
        """Return what was reached, None where it was not measured."""
        value = _figure(results, self.part, self.figure)
        if self.against is None or value is None:
            return value
        other = _figure(results, *self.against)
        return value / other if other else None

    def row(self, results: Results) -> list[str]:
        """Return goal, target, aim, what was reached, of which kind, and what holds it back."""
        value = self.value(results)
        bound = f"{self.bound} {_number(self.target)}, better {_number(self.aim)}"
        if value is None:
            return [self.text, bound, "not measured", "", ""]
        reached = f"{_number(value)} ({results[self.part]['figures'][self.figure]['kind']})"
        return [self.text, bound, reached, self._judgement(value), self._holding(results)]

    def _judgement(self, value: float) -> str:
        reached = [value <= goal if self.bound == MOST else value >= goal for goal in (self.target, self.aim)]
        if all(reached):
            return "reached, the better one too"
        if reached[0]:
            return "reached"
        return f"**missed by {abs(value / self.target - 1):.1%}**"

    def _holding(self, results: Results) -> str:
        found = {name: _figure(results, self.part, name) for name in self.held_by}
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in found.items() if value)


def _figure(results: Results, part: str, figure: str) -> Any:
    return results.get(part, {}).get("figures", {}).get(figure, {}).get("value")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.3g}"


SPARSE = "throughput-u250-sparse_sparse"
FAST = "throughput-u250-sparse_sparse_fast"
DENSE = "throughput-u250-dense"
EDGE = "throughput-zu3eg-sparse_sparse"
LIMITS = ("bottleneck", "limiting", "limiting_stage")

GOALS = [
    Goal(
        "cycles between words of one instance of those that fill a U250", MOST, 784, 196, "pace-filling",
        "interval", None, LIMITS[:1],
    ),
    Goal(
        "cycles between words of one instance that is asked for 196", MOST, 784, 196, "pace-196-cycles",
        "interval", None, LIMITS[:1],
    ),
    Goal("words/s, U250, 300 MHz assumed", LEAST, 11e6, 30e6, SPARSE, "words_per_second", None, LIMITS),
    Goal(
        "words/s, U250, 300 MHz assumed, the network trained for speed", LEAST, 11e6, 30e6, FAST,
        "words_per_second", None, LIMITS,
    ),
    Goal("levels of logic between registers, U250", MOST, 8, 8, SPARSE, "levels", None, ("deepest",)),
    Goal("words/s, ZU3EG, 250 MHz assumed", LEAST, 3e5, 4.5e5, EDGE, "words_per_second", None, LIMITS),
    Goal(
        "times as fast as this compiler's dense build, U250", LEAST, 20, 100, SPARSE,
        "words_per_second", (DENSE, "words_per_second"), LIMITS,
    ),
    Goal("busy multipliers, sparse-sparse", LEAST, 0.7, 0.9, "pace-filling", "busy_multipliers"),
    Goal("busy multipliers, dense", LEAST, 0.6, 0.6, DENSE, "busy_multipliers"),
    Goal("conv1 as wires, lookup tables", MOST, 10_000, 10_000, "conv1-zeroskip", "lut"),
    Goal(
        "conv1 as wires, lookup tables, of da4ml's", MOST, 1, 0.5, "conv1-zeroskip", "lut",
        ("conv1-da4ml", "lut"),
    ),
    *(
        Goal(
            f"predicted {name} off by, {board}", MOST, 0.15, 0.05, f"throughput-{board}-sparse_sparse",
            f"{name}_error", None, (f"{name}_worst_stage",),
        )
        for board in ("u250", "zu3eg", "ecp5-85f")
        for name in ("lut", "dsp", "ram")
    ),
    *(
        Goal(
            f"predicted lut off by, {part.removeprefix('throughput-')}", MOST, 0.15, 0.05, part,
            "lut_error", None, ("lut_worst_stage",),
        )
        for part in (FAST, DENSE, "throughput-u250-sparse_dense", "throughput-zu3eg-sparse_dense")
    ),
    Goal("seconds of CPU that `build` takes", MOST, 60, 15, "build-sparse_sparse", "cpu_seconds"),
    Goal("MB that `build` takes", MOST, 4000, 4000, "build-sparse_sparse", "peak_memory_mb"),
    Goal("words/s verified in Verilator", LEAST, 20, 200, "verification-sparse_sparse", "words_per_second"),
]  # fmt: skip
