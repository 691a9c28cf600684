"""The pictures of the page: which figures of a table's rows they draw, against what."""

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.chart import Axis, chart

__all__ = ["BUILD", "WEIGHTS", "WIDTH", "WINNERS"]

Rows = list[dict[str, Any]]
Picture = Callable[[Rows], str]

ZERO = "weights_zero_percent"
ACTIVE = "active_percent"
BY_ACTIVE = {
    "every activation active (k-WTA off)": lambda row: row[ACTIVE] == 100,
    "10 % of activations active": lambda row: row[ACTIVE] == 10,
}


def _points(rows: Iterable[dict[str, Any]], x: str, y: str) -> list[tuple[float, float]]:
    return [(row[x], row[y]) for row in rows if row.get(y) is not None]


def _ideal(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return what the point with the largest x would become if y fell as x does."""
    most, cost = max(points)
    return [(x, cost * x / most) for x, _ in points]


def _by_weights(y: str, synthesized: str | None, title: str) -> Picture:
    def draw(rows: Rows) -> str:
        kept = [{**row, "kept": 100 - row[ZERO]} for row in rows]
        series = {
            name: _points(filter(belongs, kept), "kept", y) for name, belongs in BY_ACTIVE.items()
        }
        series["ideal: cost falls as the weights do"] = _ideal(series[next(iter(series))])
        if synthesized:
            series["synthesized"] = _points(kept, "kept", synthesized)
        x = Axis("weights that are not zero, %", True, [2, 5, 10, 20, 50, 100])
        return chart(series, x, Axis(title, logarithmic=True))

    return draw


def _winners(rows: Rows) -> str:
    cycles = _points(rows, ACTIVE, "chip_cycles_a_word")
    series = {
        "cycles a word, a full ZU3EG": cycles,
        "ideal: cost falls as the activations do": _ideal(cycles),
    }
    ticks = [5, 10, 20, 50, 100]
    x = Axis("activations that are active, %", True, ticks)
    return chart(series, x, Axis("cycles a word", True))


def _winners_area(rows: Rows) -> str:
    series = {"predicted": _points(rows, ACTIVE, "paced_lut")}
    series["synthesized"] = _points(rows, ACTIVE, "paced_lut_synthesized")
    ticks = [5, 10, 20, 50, 100]
    x = Axis("activations that are active, %", True, ticks)
    return chart(series, x, Axis("lookup tables, 1,568 cycles a word", True))


def _widths(rows: Rows) -> str:
    series = {
        "lookup tables": _points(rows, "width", "paced_lut"),
        "cycles a word, a full ZU3EG": _points(rows, "width", "chip_cycles_a_word"),
    }
    return chart(series, Axis("channels", True, [16, 32, 64]), Axis("lookup tables, or cycles", True))


def _build(rows: Rows) -> str:
    rows = [row for row in rows if row["point"].endswith("channels")]
    series = {
        "seconds of CPU": _points(rows, "nonzero_weights", "cpu_seconds"),
        "MB at most": _points(rows, "nonzero_weights", "peak_memory_mb"),
    }
    return chart(series, Axis("nonzero weights", True), Axis("seconds, or MB", True))


WEIGHTS = {
    "weights-cycles.svg": _by_weights("chip_cycles_a_word", None, "cycles a word, a full ZU3EG"),
    "weights-lut.svg": _by_weights("paced_lut", "paced_lut_synthesized", "lookup tables of one pipeline"),
}
WINNERS = {"winners-cycles.svg": _winners, "winners-lut.svg": _winners_area}
WIDTH = {"width.svg": _widths}
BUILD = {"build.svg": _build}
