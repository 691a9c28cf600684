"""The timing of a module at its ports, in levels of logic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Endpoint", "PortTiming", "timing_from_json", "timing_to_json"]


@dataclass(frozen=True)
class Endpoint:
    """Levels of a path's part, and the register or port where it begins or ends."""

    levels: int
    name: str


@dataclass(frozen=True)
class PortTiming:
    """A module as seen from its ports.

    Parameters
    ----------
    ports : dict
        `(direction, width)` by name.
    departures : dict
        For each output that registers reach, the levels from the farthest one.
    arrivals : dict
        For each input, the levels to the farthest register.
    through : dict
        For each input, for each output that it reaches without a register, the levels between.
    """

    ports: Mapping[str, tuple[str, int]]
    departures: Mapping[str, Endpoint]
    arrivals: Mapping[str, Endpoint]
    through: Mapping[str, Mapping[str, int]]


def timing_from_json(found: dict[str, Any]) -> PortTiming:
    """Return a timing that went through JSON."""
    return PortTiming(
        {name: tuple(port) for name, port in found["ports"].items()},
        {name: Endpoint(*end) for name, end in found["departures"].items()},
        {name: Endpoint(*end) for name, end in found["arrivals"].items()},
        found["through"],
    )


def timing_to_json(timing: PortTiming) -> dict[str, Any]:
    """Return a timing as `timing_from_json` takes it."""
    return {
        "ports": timing.ports,
        "departures": {name: [end.levels, end.name] for name, end in timing.departures.items()},
        "arrivals": {name: [end.levels, end.name] for name, end in timing.arrivals.items()},
        "through": timing.through,
    }


