"""Everything that `make bench` measures, in the order of the page: tables, their parts and pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import (
    boards_routed,
    compiler_speed,
    curves,
    energy,
    filling,
    growth,
    loading,
    pace,
    serial_link,
    throughput,
    verification_speed,
)
from benchmarks.peers import nngen, processors, wires
from benchmarks.results import Part

__all__ = ["PARTS", "TABLES", "Table"]


@dataclass(frozen=True)
class Table:
    """A section of the page.

    Parameters
    ----------
    group : str
        Whose parts are its rows.
    title, text : str
        What it shows, and how to read it.
    pictures : mapping
        File name → what draws it from the group's rows; see :mod:`benchmarks.curves`.
    """

    group: str
    title: str
    text: str
    pictures: Mapping[str, Callable[[list[dict[str, Any]]], str]] = field(default_factory=dict)


TABLES = [
    Table("throughput", "Words a second of the reference network on a full chip", throughput.TEXT),
    Table("filling", "The same, predicted for every network and board", filling.TEXT),
    Table("routed", "Whole boards, placed and routed", boards_routed.TEXT),
    Table("pace", "The pace that is asked for, and two instances", pace.TEXT),
    Table("growth-weights", "What zero weights are worth", growth.TEXTS["weights"], curves.WEIGHTS),
    Table("growth-winners", "What zero activations are worth", growth.TEXTS["winners"], curves.WINNERS),
    Table("growth-width", "Width of the network", growth.TEXTS["width"], curves.WIDTH),
    Table("energy", "Energy, relative", energy.TEXT),
    Table("conv1", "Weights as wires, beside da4ml", wires.TEXT),
    Table("nngen", "NNgen", nngen.TEXT),
    Table("processors", "Processors", processors.TEXT),
    Table("build", "What a build costs", compiler_speed.TEXT, curves.BUILD),
    Table("verification", "What a verification costs", verification_speed.TEXT),
    Table("serial", "A serial line that spoils bytes", serial_link.TEXT),
    Table("loading", "Weights of a second trained network", loading.TEXT),
]

PARTS: list[Part] = [
    *throughput.PARTS, *filling.PARTS, *boards_routed.PARTS, *pace.PARTS, *growth.PARTS, *energy.PARTS,
    *wires.PARTS, *nngen.PARTS, *processors.PARTS, *compiler_speed.PARTS, *verification_speed.PARTS,
    *serial_link.PARTS, *loading.PARTS,
]  # fmt: skip
