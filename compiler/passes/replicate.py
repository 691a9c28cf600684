"""Put several instances of a pipeline behind one bus that is wide enough to feed them."""

from dataclasses import dataclass, replace

from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerOp
from compiler.ir.schedule import Schedule

__all__ = ["Replicate"]

WIDEST_BUS = 512
"""Bits of `tdata`, as memories of large boards offer them."""


@dataclass(frozen=True)
class Replicate:
    """Before: a schedule of one instance. After: of `instances`. Exact.

    The bus carries the fewest adjacent pixels, or rows, with which frames come as fast as all instances take
    them, or as many as fit into `WIDEST_BUS` bits. If that is too few, the input sets the interval, and
    :func:`compiler.lowering.predict` says so.
    """

    instances: int

    def __call__(self, graph: Graph[IntegerOp], schedule: Schedule) -> Schedule:
        """Return the schedule."""
        if self.instances == 1:
            return schedule
        channels, height, width = graph.input.shape
        lanes, fewest = schedule.input_lanes, schedule.input_columns
        element = 8 if graph.input.form.width <= 8 else 16
        whole_rows = [rows * width for rows in range(2, height + 1) if height % rows == 0]
        parts = [columns for columns in range(fewest, width + 1, fewest) if width % columns == 0]
        widths = [
            columns
            for columns in parts + whole_rows
            if columns == fewest or columns * lanes * element <= WIDEST_BUS
        ]
        if channels > lanes:
            widths = [fewest]  # a pixel of several beats has none to share
        pace = schedule.interval_cycles / self.instances
        feeding = [columns for columns in widths if height * width * -(-channels // lanes) / columns <= pace]
        return replace(schedule, instances=self.instances, bus_columns=min(feeding, default=widths[-1]))
