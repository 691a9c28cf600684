"""Line charts as SVG text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Axis", "chart"]

COLORS = ("#1b6ca8", "#c8553d", "#4f772d", "#7b2d8b", "#555555")
WIDTH, HEIGHT = 560, 280
LEFT, TOP, BOTTOM, RIGHT = 70, 16, 48, 20
KEY = 18
"""Height of a line of the key, which stands above the plot."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, and how.

    Parameters
    ----------
    title : str
    logarithmic : bool
    ticks : sequence of float, optional
        Where lines are drawn; round numbers unless given.
    """

    title: str
    logarithmic: bool = False
    ticks: Sequence[float] = ()

    def lines(self, values: Sequence[float]) -> list[float]:
        """Return ticks from below the smallest value to above the largest; some where there is none."""
        if self.ticks:
            return list(self.ticks)
        values = values or [1, 2]
        if self.logarithmic:
            steps = [factor * 10.0**power for power in range(-3, 12) for factor in (1, 2, 5)]
        else:
            unit = 10.0 ** math.floor(math.log10(max(values) or 1))
            step = next(unit * part for part in (0.1, 0.2, 0.5, 1, 2) if max(values) <= 6 * unit * part)
            steps = [step * number for number in range(12)]
        low = max((step for step in steps if step <= min(values)), default=steps[0])
        high = min((step for step in steps if step >= max(values)), default=steps[-1])
        return [step for step in steps if low <= step <= high]

    def place(self, value: float, lines: Sequence[float]) -> float:
        """Return where a value stands between the first line, 0, and the last, 1."""
        low, high, value = (
            (math.log(number) if self.logarithmic else number) for number in (lines[0], lines[-1], value)
        )
        return (value - low) / (high - low or 1)


def chart(series: Mapping[str, Points], x: Axis, y: Axis) -> str:
    """Draw lines with a mark at each point; points alone where a series' name ends in "simulated" or so.

    Parameters
    ----------
    series : mapping
        Name → points. A name that begins with "ideal" is dashed; one that ends with "synthesized",
        "simulated" or "measured" has marks and no line.
    x, y : Axis
    """
    series = {name: points for name, points in series.items() if points}
    across = x.lines([point[0] for points in series.values() for point in points])
    up = y.lines([point[1] for points in series.values() for point in points])
    top = TOP + KEY * len(series)

    def spot(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + WIDTH * x.place(point[0], across), top + HEIGHT * (1 - y.place(point[1], up))

    parts = []
    for value in up:
        level = spot((across[0], value))[1]
        parts.append(f'<path d="M{LEFT} {level:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{level + 4:.1f}" text-anchor="end">{_text(value)}</text>')
    for value in across:
        parts.append(
            f'<text x="{spot((value, up[0]))[0]:.1f}" y="{top + HEIGHT + 18}" text-anchor="middle">'
            f"{_text(value)}</text>"
        )
    for number, (name, points) in enumerate(series.items()):
        color, height = COLORS[number % len(COLORS)], TOP + KEY * number
        spots = [spot(point) for point in sorted(points)]
        parts += _series(name, spots, color)
        sample = [(LEFT + 4, height), (LEFT + 28, height)]
        parts += _series(name, sample[_bare(name) :], color)
        parts.append(f'<text x="{LEFT + 36}" y="{height + 4}" fill="{color}">{name}</text>')
    middle = f'x="{LEFT + WIDTH / 2}" y="{top + HEIGHT + 38}" text-anchor="middle"'
    parts.append(f"<text {middle}>{x.title}</text>")
    turned = f'transform="translate(14 {top + HEIGHT / 2}) rotate(-90)" text-anchor="middle"'
    parts.append(f"<text {turned}>{y.title}</text>")
    width, height = LEFT + WIDTH + RIGHT, top + HEIGHT + BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _series(name: str, spots: Points, color: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    style = ' stroke-dasharray="5 4"' if name.startswith("ideal") else ""
    line = f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"{style}/>'
    bare = _bare(name)
    marks = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if bare else 3}" fill="{"none" if bare else color}" '
        f'stroke="{color}" stroke-width="2"/>'
        for x, y in spots
    ]
    return [*([] if bare else [line]), *([] if style else marks)]


def _bare(name: str) -> bool:
    return name.endswith(("synthesized", "simulated", "measured"))


def _text(value: float) -> str:
    return f"{value:,.6g}".replace(",000,000", " M").replace(",000", "k")
