"""Choose how many adjacent pixels an input beat carries, and at how many adjacent positions wires compute."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerConv2d, IntegerOp
from compiler.ir.values import Value
from hdl.conv.window_geometry import WindowConfig

__all__ = ["Columns", "choose_columns", "frame_cycles", "input_lanes", "selects_pixels"]

LARGEST_SELECTION = 256
"""Window elements up to which pixels are selected by wires; beyond, activations are broadcast."""

MOST_INPUT_LANES = 8
"""Channels of a pixel that an input beat carries at most."""

MOST_INPUT_ELEMENTS = 16
"""Elements that an input beat carries at most."""


@dataclass(frozen=True)
class Columns:
    """Adjacent pixels of a row that come in at once, and adjacent positions computed at once."""

    read: int = 1
    made: int = 1


def choose_columns(graph: Graph[IntegerOp], interval: int | None) -> Columns:
    """Return the fewest columns with which the windows of the input keep within an interval.

    Pixels come in as many at once as it takes lest windows ever wait for them, if there is no interval or
    it allows a position a cycle. If no columns keep within the interval, those that come nearest.
    """
    readers = [node for node in graph if selects_pixels(graph, node)]
    if not readers:
        return Columns()
    options = list(_options(graph.input, readers[0]))
    cycles = {columns: frame_cycles(readers[0], 1, columns) for columns in options}
    one_each = [columns for columns in options if columns.made == 1]
    fastest = min(one_each, key=cycles.__getitem__)
    if interval is None or cycles[fastest] <= interval:
        return fastest
    return next((c for c in options if cycles[c] <= interval), min(options, key=cycles.__getitem__))


def _options(source: Value, node: Node[IntegerOp]) -> list[Columns]:
    """Return the columns that fit the rows of the input and of the output, the fewest first."""
    channels, _, width = source.shape
    reads = [read for read in _divisors(width) if read == 1 or read * channels <= MOST_INPUT_ELEMENTS]
    return [
        Columns(read, made) for made in _divisors(node.output.shape[2]) for read in reads if read % made == 0
    ]


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def frame_cycles(
    node: Node[IntegerOp], hold_cycles: int, columns: Columns | None = None, arrays: int = 1
) -> int:
    """Return the cycles of a frame of windows, each of which keeps one of some arrays `hold_cycles` busy."""
    columns, op = columns or Columns(), node.op
    top, bottom, left, right = op.padding
    rows, across = op.weight.shape[2:]
    config = WindowConfig(
        bits=1,
        height=node.output.shape[1] + rows - 1 - top - bottom,
        width=node.output.shape[2] + across - 1 - left - right,
        kernel=(rows, across),
        padding=op.padding,
        pixels_per_beat=columns.read,
        windows_per_beat=columns.made,
        hold_cycles=hold_cycles,
        holders=arrays,
    )
    return _cycles(config)


@cache
def _cycles(config: WindowConfig) -> int:
    return config.cycles_per_frame


def input_lanes(value: Value) -> int:
    """Return how many channels an input beat carries: a whole pixel where that is few."""
    return min(value.shape[0], MOST_INPUT_LANES)


def selects_pixels(graph: Graph[IntegerOp], node: Node[IntegerOp]) -> bool:
    """Say whether the layer reads the input, a pixel a beat, through a window of few elements."""
    if not isinstance(node.op, IntegerConv2d):
        return False
    source = graph.source(node)
    elements = int(np.prod(node.op.weight.shape[1:]))
    whole_pixel = source.shape[0] == input_lanes(source)
    return source.name == graph.input.name and whole_pixel and elements <= LARGEST_SELECTION
