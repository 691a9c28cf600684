"""Choose the number format of the input and of each activation: trained, or fitted to real frames."""

from collections.abc import Mapping

import numpy as np

from compiler.errors import Problem, UnsupportedModel, raise_problems
from compiler.execute import execute
from compiler.ir.float_ops import Conv2d, FakeQuantize, Flatten, FloatOp, KWinners, Linear, MaxPool, Relu
from compiler.ir.graph import Graph
from compiler.passes.magnitudes import check_magnitude
from hdl.numerics import FixedPoint, quantize

__all__ = ["best_fraction_bits", "choose_formats", "is_rectified"]

_CANDIDATES = 6
"""Fraction bits tried beyond those with which nothing saturates."""


def is_rectified(graph: Graph[FloatOp], name: str) -> bool:
    """Return whether all that ever reads a value is ReLU, so that its requantizer can be the ReLU."""
    users = graph.users(name)
    return bool(users) and name != graph.output and all(isinstance(user.op, Relu) for user in users)


def choose_formats(
    graph: Graph[FloatOp], width: int, calibration: np.ndarray | None,
    known: Mapping[str, FixedPoint] | None = None,
) -> dict[str, FixedPoint]:  # fmt: skip
    """Return the format of the input and of each layer that must be requantized, by name.

    A FakeQuantize that follows, if only behind ReLU, MaxPool, KWinners or Flatten, defines the format.
    Otherwise it has `width` bits, is unsigned behind a ReLU, and its fraction bits have the least
    squared error over the `calibration` frames, measured on what the next layer reads. A layer that
    only Flatten or nothing follows keeps its accumulator and is not named. What was not trained and is
    `known` needs no frames.

    Raises
    ------
    UnsupportedModel
        If two trained formats contradict, a format is unknown and there are no frames, or a value that needs
        a format is beyond all reason there.
    """
    forms: dict[str, FixedPoint] = {}
    fitted: dict[str, str] = {}
    problems = []
    for name in [graph.input.name, *(node.name for node in graph if isinstance(node.op, Conv2d | Linear))]:
        if name != graph.input.name and _stays_accumulator(graph, name):
            continue
        trained = {_absorbed(form, is_rectified(graph, name)) for form in _trained(graph, name)}
        if len(trained) > 1:
            listed = " and ".join(sorted(map(str, trained)))
            problems.append(Problem(name, f"must have one number format, not {listed}", "quantize it once"))
        elif trained:
            forms[name] = trained.pop()
        elif known and name in known:
            forms[name] = known[name]
        else:
            fitted[name] = _read_by_next(graph, name)
    if fitted and calibration is None:
        listed = ", ".join(fitted)
        problems.append(Problem(listed, "has no trained number format", "give calibration frames"))
    raise_problems(UnsupportedModel, problems)
    return forms | _fit(graph, width, calibration, fitted)


def best_fraction_bits(values: np.ndarray, width: int, signed: bool) -> int:
    """Return the fraction bits with the least squared error; the fewest of equals.

    >>> best_fraction_bits(np.array([0.5, -1.0, 0.75]), 8, signed=True)
    6
    """
    values = values[values != 0]
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        return width - int(signed)
    first = int(np.floor(np.log2(FixedPoint(width, 0, signed).maximum / largest)))
    forms = [FixedPoint(width, first + more, signed) for more in range(_CANDIDATES)]
    errors = [float(np.square(quantize(values, form) * form.scale - values).sum()) for form in forms]
    return forms[int(np.argmin(errors))].fraction_bits


def _fit(
    graph: Graph[FloatOp], width: int, calibration: np.ndarray | None, fitted: dict[str, str]
) -> dict[str, FixedPoint]:
    """Fit a format to each value of `fitted`, a name → the name of what the next layer reads."""
    if not fitted:
        return {}
    if not np.isfinite(calibration).all():
        raise UnsupportedModel(Problem("calibration", "frames must be finite", "remove NaN and infinity"))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        values = execute(graph, calibration, keep=set(fitted.values()))
    forms = {}
    for name, read in fitted.items():
        signed = not is_rectified(graph, name)
        used = values[read] if signed else np.maximum(values[read], 0.0)
        check_magnitude(name, "what it makes of the calibration frames", used)
        forms[name] = FixedPoint(width, best_fraction_bits(used, width, signed), signed)
    return forms


def _absorbed(form: FixedPoint, rectified: bool) -> FixedPoint:
    """Return the format without a sign where a ReLU leaves the sign no use: the same numbers."""
    return FixedPoint(form.width - 1, form.fraction_bits, False) if rectified and form.signed else form


def _stays_accumulator(graph: Graph[FloatOp], name: str) -> bool:
    users = graph.users(name)
    return all(isinstance(user.op, Flatten) and _stays_accumulator(graph, user.name) for user in users)


def _trained(graph: Graph[FloatOp], name: str) -> set[FixedPoint]:
    """Collect the first FakeQuantize on each path from a value to the next layer."""
    found = set()
    for user in graph.users(name):
        if isinstance(user.op, FakeQuantize):
            found.add(FixedPoint(user.op.width, user.op.fraction_bits, user.op.signed))
        elif isinstance(user.op, Relu | MaxPool | KWinners | Flatten):
            found |= _trained(graph, user.name)
    return found


def _read_by_next(graph: Graph[FloatOp], name: str) -> str:
    """Follow a value through what hands numbers on, as far as there is no fork; name what comes out."""
    users = graph.users(name)
    if len(users) == 1 and isinstance(users[0].op, Relu | MaxPool | KWinners | Flatten):
        return _read_by_next(graph, users[0].name)
    return name
