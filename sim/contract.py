"""What a build directory promises: its `manifest.json` as far as verification reads it.

::

    rtl/top.v, rtl/*.v      module `top`: clk, rst, s_axis_*, m_axis_*, frame_error
    rtl/images/*.hex        memory images, read as $readmemh("images/NAME.hex")
    vectors.npz             see sim/vectors.py
    manifest.json           "interface": {"input": port, "output": port}, and "stuck": names of streams, see
                            :class:`Contract`, if there is a watchdog
                            "streams": see :class:`StreamTap`
                            "predicted": see :class:`Prediction`
                            "choice": path of a stream, or null, see :class:`Contract`

A port is {"shape", "form", "lanes", "columns", "container_bits", "data_bits", "beats"}, see
:class:`AxisPort`.
`streams` stand in the order of the pipeline, instance by instance. The emitter writes them by `to_json`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hdl.streams.formats import StreamFormat
from hdl.streams.watchdog import STARVED, STUCK
from sim.axis_port import AxisPort
from sim.errors import SimulationError
from sim.format_json import format_from_json, format_to_json

__all__ = [
    "AxisPort",
    "Contract",
    "Prediction",
    "StreamTap",
    "format_from_json",
    "format_to_json",
    "load_contract",
]

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class StreamTap:
    """One internal stream that can be watched.

    `valid`, `ready` and `payload` are hierarchical names that start at `top`; `layer` is the graph's value
    that travels, or None where none does as a whole; the format is then only used to count beats. `instance`
    is the one that it belongs to, and frames are counted by.
    """

    name: str
    layer: str | None
    valid: str
    ready: str
    payload: str
    bits: int
    format: StreamFormat
    instance: int = 0

    def to_json(self) -> Json:
        """Return the stream as the manifest holds it."""
        return {**vars(self), "format": format_to_json(self.format)}

    @classmethod
    def from_json(cls, fields: Json) -> "StreamTap":
        """Read a stream; raises KeyError, TypeError or ValueError."""
        tap = cls(**fields | {"format": format_from_json(fields["format"])})
        if any(not name.startswith("top.") for name in (tap.valid, tap.ready, tap.payload)):
            raise ValueError("valid, ready and payload must start with 'top.'")
        need = tap.format.payload.size
        if tap.bits != need:
            raise ValueError(f"bits must be {need}, as the format says, not {tap.bits!r}")
        return tap


@dataclass(frozen=True)
class Prediction:
    """What the compiler says about time: equalities where they are exact, else bounds for every input.

    `latency_cycles` counts from the first accepted input beat of a frame that enters an idle pipeline to its
    last output beat; `interval_cycles` from frame to frame, back to back, once the pipeline is full;
    of several instances, on average.
    """

    interval_cycles: int | float
    latency_cycles: int
    interval_exact: bool
    latency_exact: bool
    instances: int = 1

    def to_json(self) -> Json:
        """Return the prediction as the manifest holds it."""
        return dict(vars(self))

    @property
    def round_cycles(self) -> int:
        """Cycles in which every instance is through with a frame."""
        return round(self.interval_cycles * self.instances)


@dataclass(frozen=True)
class Contract:
    """Everything that verification reads from a manifest.

    `choice` is the path of the stream that names the instance of each frame, None where there is only one.
    `watched` are the names of the streams by their number in the output `stuck`, nothing without a watchdog.
    """

    input: AxisPort
    output: AxisPort
    streams: tuple[StreamTap, ...]
    predicted: Prediction
    choice: str | None = None
    watched: tuple[str, ...] = ()

    def name_stuck(self, word: int) -> str | None:
        """Return what the output `stuck` says in words; None if it says that nothing is stuck.

        Raises IndexError for a number that no stream has.
        """
        if not word >> STUCK & 1:
            return None
        name = self.watched[word & ((1 << STARVED) - 1)]
        if word >> STARVED & 1:
            return f"nothing is offered any more behind what last passed {name}"
        return f"{name} is offered but never taken"

    def to_json(self) -> Json:
        """Return the parts of the manifest; the emitter merges them with its own."""
        return {
            "interface": {
                "input": self.input.to_json(),
                "output": self.output.to_json(),
                **({"stuck": list(self.watched)} if self.watched else {}),
            },
            "streams": [tap.to_json() for tap in self.streams],
            "predicted": self.predicted.to_json(),
            "choice": self.choice,
        }

    @classmethod
    def from_json(cls, manifest: Json) -> "Contract":
        """Check and read a manifest; raises :class:`SimulationError` that names the wrong field."""
        interface = _read(manifest, "interface", dict)
        streams = _read(manifest, "streams", list)
        return cls(
            input=_read(interface, "input", AxisPort.from_json, "interface."),
            output=_read(interface, "output", AxisPort.from_json, "interface."),
            streams=tuple(
                _read(streams, number, StreamTap.from_json, "streams.") for number in range(len(streams))
            ),
            predicted=_read(manifest, "predicted", lambda fields: Prediction(**fields)),
            choice=_read(manifest, "choice", _choice) if "choice" in manifest else None,
            watched=_read(interface, "stuck", _names, "interface.") if "stuck" in interface else (),
        )


def _choice(path: Any) -> str | None:
    if path is not None and not (isinstance(path, str) and path.startswith("top.")):
        raise ValueError(f"must be null or start with 'top.', not {path!r}")
    return path


def _names(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"must be a list of names, not {names!r}")
    return tuple(names)


def _read(parent: Any, key: str | int, make: Callable[[Any], T], where: str = "") -> T:
    try:
        return make(parent[key])
    except KeyError as error:
        what = f"{where}{key} lacks {error}" if error.args[0] != key else f"{where}{key} is missing"
    except (AttributeError, TypeError, ValueError) as error:
        what = f"{where}{key}: {error}"
    raise SimulationError("manifest.json", what, "build the directory again")


def load_contract(directory: Path) -> Contract:
    """Read `manifest.json` of a build directory."""
    path = directory / "manifest.json"
    if not (directory / "rtl" / "top.v").is_file() or not path.is_file():
        raise SimulationError(
            str(directory), "not a build directory: rtl/top.v or manifest.json is missing", "build it first"
        )
    try:
        manifest = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SimulationError(str(path), f"cannot be read: {error}", "build the directory again") from error
    if not isinstance(manifest, dict):
        raise SimulationError(str(path), "must hold a JSON object", "build the directory again")
    return Contract.from_json(manifest)
