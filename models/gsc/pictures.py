"""Pictures of the model card as SVG text."""

from models.gsc.data import LABELS

__all__ = ["confusion_picture", "curves_picture"]

CELL, MARGIN = 34, 70
COLORS = ("#1b6ca8", "#c8553d", "#4f772d", "#7b2d8b")
WIDTH, HEIGHT, LOWEST = 560, 260, 0.7
"""Size of the curves' plot, and the accuracy at its lower edge."""


def confusion_picture(counts: list[list[int]]) -> str:
    """Draw how often clips of each true class (row) were taken for each class (column)."""
    side = MARGIN + CELL * len(LABELS)
    parts = []
    for row, (label, cells) in enumerate(zip(LABELS, counts, strict=True)):
        y = MARGIN + CELL * row
        middle = CELL / 2 + 4
        parts.append(f'<text x="{MARGIN - 6}" y="{y + middle}" text-anchor="end">{label}</text>')
        parts.append(f'<text transform="translate({y + middle} {MARGIN - 6}) rotate(-90)">{label}</text>')
        for column, count in enumerate(cells):
            x, share = MARGIN + CELL * column, count / max(1, sum(cells))
            color = COLORS[0] if row == column else COLORS[1]
            shade = share if row == column else min(1.0, 6 * share)
            parts.append(
                f'<rect x="{x}" y="{y}" width="{CELL - 1}" height="{CELL - 1}" fill="{color}" '
                f'fill-opacity="{shade:.2f}"/>'
            )
            if count:
                ink = "#fff" if shade > 0.55 else "#222"
                place = f'x="{x + CELL / 2}" y="{y + middle}" text-anchor="middle"'
                parts.append(f'<text {place} fill="{ink}">{count}</text>')
    return _svg(side, side, parts)


def curves_picture(histories: dict[str, list[dict]]) -> str:
    """Draw accuracy on val (mean over classes) by epoch; the integer stage follows dashed.

    Parameters
    ----------
    histories : dict
        Name of a run → its records, as `train.py` writes them.
    """
    longest = max(2, *(len(history) for history in histories.values()))
    parts = []
    for percent in range(round(LOWEST * 100), 101, 5):
        y = _y(percent / 100)
        parts.append(f'<path d="M{MARGIN} {y:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    for epoch in range(5, longest + 1, 5):
        x = _x(epoch, longest)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT + 36}" text-anchor="middle">{epoch}</text>')
    for index, (name, history) in enumerate(histories.items()):
        points = [
            (_x(n, longest), _y(max(LOWEST, r["val"]["balanced"]))) for n, r in enumerate(history, start=1)
        ]
        floats = sum(record["stage"] == "float" for record in history)
        color = COLORS[index % len(COLORS)]
        parts.append(_line(points[:floats], color, ""))
        parts.append(_line(points[max(0, floats - 1) :], color, 'stroke-dasharray="4 3"'))
        parts.append(f'<text x="{MARGIN + 300}" y="{HEIGHT - 40 + 16 * index}" fill="{color}">{name}</text>')
    return _svg(MARGIN + WIDTH + 20, HEIGHT + 46, parts)


def _x(epoch: int, longest: int) -> float:
    return MARGIN + WIDTH * (epoch - 1) / (longest - 1)


def _y(share: float) -> float:
    return 20 + HEIGHT * (1 - share) / (1 - LOWEST)


def _line(points: list[tuple[float, float]], color: str, style: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2" {style}/>'


def _svg(width: float, height: float, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
