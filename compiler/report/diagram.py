"""Where the boxes and lines of the pipeline's drawing go. Columns are read like those of a newspaper."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Box", "Drawing", "Line", "draw_pipeline"]

Json = Mapping[str, Any]

BOX_HEIGHT = 50
GAP = 46
"""Between a box and the next below; the stream's label stands there."""
GUTTER = 44
"""Between columns; the line from the foot of one to the head of the next runs there."""
SPINE = 26
"""From a column's left edge to the lines that join its boxes; labels have the room to the right of them."""
CORNER = 8
ARROW = 6
NAME_PIXELS, LABEL_PIXELS = 8.3, 7.0
"""What a character of a name and of a label takes at most, on average."""


@dataclass(frozen=True)
class Box:
    """A stage: its place, its texts cut to fit, and how busy it is, from 0 to 1."""

    x: float
    y: float
    name: str
    full_name: str
    kind: str
    cycles: int
    share: float
    bottleneck: bool


@dataclass(frozen=True)
class Line:
    """A stream: an SVG path that ends in an arrowhead at (x, y), and what is written beside it."""

    path: str
    arrow: str
    thickness: float
    sparse: bool
    x: float
    y: float
    text: str
    full_text: str


@dataclass(frozen=True)
class Drawing:
    """A pipeline drawn in a number of columns."""

    columns: int
    width: float
    height: float
    box_width: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    box_height: int = BOX_HEIGHT


def draw_pipeline(
    stages: Sequence[Json], streams: Sequence[Json], *, columns: int, box_width: float
) -> Drawing:
    """Lay out a pipeline.

    Parameters
    ----------
    stages, streams : list of dict
        As `report.json` has them; stream n leads from stage n to stage n + 1.
    columns : int
        How many columns there is room for.
    box_width : float
    """
    rows = max(1, math.ceil(len(stages) / columns))
    columns = max(1, math.ceil(len(stages) / rows))
    slowest = max((stage["interval_cycles"] for stage in stages), default=1)
    across, down = box_width + GUTTER, BOX_HEIGHT + GAP
    top = GAP if columns > 1 else ARROW
    places = [(n // rows * across, top + n % rows * down) for n in range(len(stages))]
    boxes = tuple(_box(stage, place, slowest, box_width) for stage, place in zip(stages, places, strict=True))
    lines = tuple(
        _line(stream, left, right, box_width)
        for stream, left, right in zip(streams, places[:-1], places[1:], strict=True)
    )
    width = columns * box_width + (columns - 1) * GUTTER
    return Drawing(columns, width, top + rows * down - GAP / 2, box_width, boxes, lines)


def _box(stage: Json, place: tuple[float, float], slowest: int, box_width: float) -> Box:
    cycles = stage["interval_cycles"]
    room = int((box_width - 24) / NAME_PIXELS) - len(f"{cycles:,}") - 1
    return Box(
        x=place[0],
        y=place[1],
        name=_cut(stage["name"], room),
        full_name=stage["name"],
        kind=_cut(stage["kind"], room),
        cycles=cycles,
        share=cycles / max(1, slowest),
        bottleneck=stage["bottleneck"],
    )


def _line(
    stream: Json, start: tuple[float, float], end: tuple[float, float], box_width: float
) -> Line:
    x, top = start[0] + SPINE, start[1] + BOX_HEIGHT
    target, bottom = end[0] + SPINE, end[1] - ARROW
    path = f"M{x:g} {top:g}V{bottom:g}"
    if x != target:
        path = _around(x, top, start[0] + box_width + GUTTER / 2, target, bottom)
    bits = stream["bits"]
    text = f"{stream['format']}, {bits:,} bit{'s' if bits > 1 else ''}"
    beats = f", {stream['beats']:,} beats a frame" if stream["beats"] else ""
    return Line(
        path=path,
        arrow=f"M{target - ARROW:g} {bottom:g}h{2 * ARROW:g}l{-ARROW:g} {ARROW:g}z",
        thickness=round(1 + math.log2(max(1, bits)) / 3, 1),
        sparse=stream["kind"] != "dense",
        x=target + 14,
        y=end[1] - GAP / 2 + 4,
        text=_cut(text, int((box_width - SPINE - 14) / LABEL_PIXELS)),
        full_text=f"{stream['from']} to {stream['to']}: {text}{beats}",
    )


def _around(x: float, top: float, gutter: float, target: float, bottom: float) -> str:
    """Return a path down, along the gutter up to the next column's head, and down again."""
    foot, head, r = top + GAP / 2 - CORNER, bottom + ARROW - GAP + CORNER, CORNER
    return (
        f"M{x:g} {top:g}V{foot - r:g}q0 {r} {r} {r}H{gutter - r:g}q{r} 0 {r} {-r}V{head + r:g}"
        f"q0 {-r} {r} {-r}H{target - r:g}q{r} 0 {r} {r}V{bottom:g}"
    )


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: max(1, characters - 1)] + "…"
