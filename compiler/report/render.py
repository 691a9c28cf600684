"""The report as one page that needs nothing else: no script, no font, no image from anywhere."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

from compiler.report.diagram import Drawing, draw_pipeline

__all__ = ["render"]

LAYOUTS = ((1, 340.0), (2, 320.0), (4, 247.0))
"""Columns and box width of the pipeline's drawing for narrow, middling and wide windows."""


def render(report: Mapping[str, Any]) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    report : dict
        What `report.json` holds, and nothing else. Names in it may come from strangers: all are escaped.
    """
    return _environment().get_template("page.html").render(
        report=report,
        drawings=[_drawing(report, columns, width) for columns, width in LAYOUTS],
        slowest=max((stage["interval_cycles"] for stage in report["stages"]), default=1),
        weighted=[layer for layer in report["layers"] if layer["weights_dense"]],
    )


def _drawing(report: Mapping[str, Any], columns: int, box_width: float) -> Drawing:
    return draw_pipeline(report["stages"], report["streams"], columns=columns, box_width=box_width)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("compiler.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cycles": lambda count: f"{count:,} cycle{'' if count == 1 else 's'}",
        "number": _number,
        "percent": _percent,
        "shape": lambda sizes: "×".join(map(str, sizes)),
    }
    return environment


def _number(value: float | None) -> str:
    """Return digits in groups; a dash for nothing.

    >>> _number(2522000), _number(382653.06), _number(12.5), _number(None)
    ('2,522,000', '382,653', '12.5', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() or value >= 100 else f"{value:,.1f}"


def _percent(share: float) -> str:
    r"""Return a share as per cent, with as many digits as tell something; the space does not break.

    >>> _percent(1.0), _percent(0.0506), _percent(0.9312)
    ('100\xa0%', '5.06\xa0%', '93.1\xa0%')
    """
    digits = 0 if share in (0, 1) else 2 if share < 0.1 else 1
    return f"{share * 100:.{digits}f}\N{NO-BREAK SPACE}%"
