"""Levels of logic between registers, counted on a mapped and flattened netlist.

A level is a lookup table, also one that is read as a memory; a carry chain, however long; or a multiplier
without registers. Multiplexers behind lookup tables (MUXF7, PFUMX, …) count with those. Wires and delays do
not appear: levels tell where logic is deep, not how fast it is.

The timing of a module at its ports is all that is needed to follow paths through the modules around it. It is
kept by port, not by bit, so that such a path may be longer than any real one, never shorter.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from boards.synthesis.cells import CARRIES, passes
from boards.synthesis.timing import Endpoint, PortTiming

__all__ = ["measure"]

Bit = int
CLOCK_PINS = {"C", "CLK", "WCLK", "WCK", "clk", "CLKARDCLK", "CLKBWRCLK", "CLKA", "CLKB"}


@dataclass
class _Arc:
    """A way through one cell."""

    kind: str
    sources: list[tuple[Bit, int]]
    targets: list[Bit]


@dataclass
class _Graph:
    """Arcs in an order in which each comes behind those that feed it; where paths begin and end."""

    arcs: list[_Arc] = field(default_factory=list)
    starts: dict[Bit, Endpoint] = field(default_factory=dict)
    ends: list[tuple[Bit, Endpoint]] = field(default_factory=list)


Reached = dict[Bit, tuple[int, str, tuple[Any, ...]]]
"""Of each bit: levels, where from, and the kinds of cells on the way as nested pairs."""


def measure(module: Mapping[str, Any], boxes: Mapping[str, PortTiming]) -> tuple[dict[str, Any], PortTiming]:
    """Return the deepest path between registers, and the timing at the ports.

    Parameters
    ----------
    module : dict
        One module of Yosys' `write_json`: `ports`, `cells`, `netnames`.
    boxes : dict
        Modules that occur as cells, by name.

    Returns
    -------
    dict
        `levels`, `start`, `end` (registers), `cells` (kinds on the way).
    PortTiming

    Raises
    ------
    ValueError
        If logic feeds itself without a register in between.
    """
    names = _names(module["netnames"])
    graph = _graph(module, boxes, names)
    reached = _follow(graph, {bit: (start.levels, start.name, ()) for bit, start in graph.starts.items()})
    worst = {"levels": 0, "start": "", "end": "", "cells": []}
    for bit, end in graph.ends:
        levels, start, kinds = reached.get(bit, (-1, "", ()))
        if start and levels + end.levels > worst["levels"]:
            worst = {
                "levels": levels + end.levels, "start": start, "end": end.name, "cells": _unnest(kinds),
            }  # fmt: skip
    return worst, _at_ports(module["ports"], graph, reached)


def _names(netnames: Mapping[str, Any]) -> dict[Bit, str]:
    """Return a name for each bit: one that a designer gave, the shortest, if there is one."""
    best: dict[Bit, tuple[bool, int, str]] = {}
    for name, net in netnames.items():
        rank = (bool(net.get("hide_name")), len(name), name)
        for bit in net["bits"]:
            if isinstance(bit, int) and (bit not in best or rank < best[bit]):
                best[bit] = rank
    return {bit: name.lstrip("\\") for bit, (_, _, name) in best.items()}


def _graph(module: Mapping[str, Any], boxes: Mapping[str, PortTiming], names: dict[Bit, str]) -> _Graph:
    graph, cells = _Graph(), module["cells"]
    carried = {
        bit
        for cell in cells.values()
        if cell["type"] in CARRIES
        for pin in ("CO", "COUT")
        for bit in _bits(cell["connections"].get(pin, ()))
    }
    for name, cell in cells.items():
        if cell["type"] in boxes:
            _add_box(graph, name, cell, boxes[cell["type"]])
        else:
            _add_cell(graph, name, cell, carried, names)
    graph.arcs = _sorted(graph.arcs)
    return graph


def _bits(bits: Any) -> list[Bit]:
    return [bit for bit in bits if isinstance(bit, int)]


def _add_cell(graph: _Graph, name: str, cell: Mapping[str, Any], carried: set[Bit], names: dict) -> None:
    kind, pins, directions = cell["type"], cell["connections"], cell.get("port_directions", {})
    memory = kind.startswith(("RAM", "SRL", "TRELLIS_DPR"))
    through: set[str] = set()
    for way in passes(kind, cell["parameters"], pins):
        sources = [
            # What comes along the chain has paid for its level where it entered.
            (bit, 0 if kind in CARRIES and bit in carried and pin in ("CI", "CIN") else way.levels)
            for pin in way.sources
            for bit in _bits(pins.get(pin, ()))
        ]
        targets = [bit for pin in way.targets for bit in _bits(pins.get(pin, ()))]
        graph.arcs.append(_Arc(kind, sources, targets))
        through.update(way.sources, way.targets)
        if memory:  # what it holds comes from no path, yet takes a level to read
            graph.starts |= {bit: Endpoint(1, name) for bit in targets}
    outputs = [b for p, d in directions.items() if d == "output" and p not in through for b in _bits(pins[p])]
    label = names.get(outputs[0], name) if len(outputs) == 1 else name
    graph.starts |= {bit: Endpoint(0, label) for bit in outputs}
    for pin, direction in directions.items():
        # The address of a memory's read port may be that of its write port as well.
        if direction == "input" and pin not in CLOCK_PINS and (memory or pin not in through):
            graph.ends += [(bit, Endpoint(0, label)) for bit in _bits(pins[pin])]


def _add_box(graph: _Graph, name: str, cell: Mapping[str, Any], timing: PortTiming) -> None:
    pins, name = cell["connections"], name.removesuffix(".box")
    for port, departure in timing.departures.items():
        start = Endpoint(departure.levels, f"{name}.{departure.name}")
        graph.starts |= {bit: start for bit in _bits(pins.get(port, ()))}
    for port, arrival in timing.arrivals.items():
        end = Endpoint(arrival.levels, f"{name}.{arrival.name}")
        graph.ends += [(bit, end) for bit in _bits(pins.get(port, ()))]
    for source, targets in timing.through.items():
        for target, levels in targets.items():
            sources = [(bit, levels) for bit in _bits(pins.get(source, ()))]
            graph.arcs.append(_Arc(name, sources, _bits(pins.get(target, ()))))


def _sorted(arcs: list[_Arc]) -> list[_Arc]:
    feeds: dict[Bit, list[int]] = defaultdict(list)
    driven: dict[Bit, int] = defaultdict(int)
    for arc in arcs:
        for bit in arc.targets:
            driven[bit] += 1
    waiting = []
    for number, arc in enumerate(arcs):
        for bit, _ in arc.sources:
            feeds[bit].append(number)
        waiting.append(sum(driven[bit] > 0 for bit, _ in arc.sources))
    ready, order = [n for n, count in enumerate(waiting) if count == 0], []
    while ready:
        number = ready.pop()
        order.append(arcs[number])
        for bit in arcs[number].targets:
            driven[bit] -= 1
            for fed in feeds[bit] if driven[bit] == 0 else ():
                waiting[fed] -= 1
                if waiting[fed] == 0:
                    ready.append(fed)
    if len(order) < len(arcs):
        raise ValueError("logic feeds itself without a register in between")
    return order


def _follow(graph: _Graph, starts: Reached) -> Reached:
    """Return the farthest start of every bit that the starts reach."""
    reached = dict(starts)
    for arc in graph.arcs:
        best = max(
            ((reached[bit][0] + cost, bit) for bit, cost in arc.sources if bit in reached), default=None
        )
        if best is None:
            continue
        levels, bit = best
        for target in arc.targets:
            if target not in reached or reached[target][0] < levels:
                reached[target] = (levels, reached[bit][1], (reached[bit][2], arc.kind))
    return reached


def _unnest(kinds: tuple[Any, ...]) -> list[str]:
    """Return the kinds of cells along a path; neighbors in a carry chain are one."""
    path: list[str] = []
    while kinds:
        kinds, kind = kinds
        if not (path and kind in CARRIES and path[-1] == kind):
            path.append(kind)
    return path[::-1]


def _at_ports(ports: Mapping[str, Any], graph: _Graph, reached: Reached) -> PortTiming:
    bits = {name: _bits(port["bits"]) for name, port in ports.items()}
    outputs = [name for name, port in ports.items() if port["direction"] == "output"]
    inputs = [name for name, port in ports.items() if port["direction"] == "input" and name not in CLOCK_PINS]
    arrivals, through = {}, {}
    for name in inputs:
        found = _follow(graph, {bit: (0, name, ()) for bit in bits[name]})
        ends = [(found[bit][0] + end.levels, end.name) for bit, end in graph.ends if bit in found]
        if ends:
            arrivals[name] = Endpoint(*max(ends))
        through[name] = dict(_farthest(bits, outputs, found))
    departures = {
        name: Endpoint(*max(reached[bit][:2] for bit in bits[name] if bit in reached))
        for name in outputs
        if any(bit in reached for bit in bits[name])
    }
    shape = {name: (port["direction"], len(port["bits"])) for name, port in ports.items()}
    return PortTiming(shape, departures, arrivals, through)


def _farthest(bits: dict[str, list[Bit]], outputs: list[str], found: Reached) -> Iterator[tuple[str, int]]:
    for name in outputs:
        levels = [found[bit][0] for bit in bits[name] if bit in found]
        if levels:
            yield name, max(levels)
