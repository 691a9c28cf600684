"""How frames become bytes for a card, and bytes outputs: NumPy alone, so that it runs beside any board.

`card.json` tells how: `input` and `output` are ports of the design (shape, form, lanes, columns,
container_bits, beats) with `slot_bytes` and `frame_bytes`; `normalize`, `output_scale`, `registers` as
{name: [offset, bits]}, `flags` from the lowest bit up.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CardError", "CardFrames"]


class CardError(RuntimeError):
    """The card did not do what it should; the message says what it reported."""


@dataclass(frozen=True)
class CardFrames:
    """The contents of a `card.json`."""

    facts: dict[str, Any]

    @classmethod
    def read(cls, path: str | Path) -> "CardFrames":
        """Read a `card.json`."""
        return cls(json.loads(Path(path).read_text()))

    @property
    def input_bytes(self) -> int:
        """Bytes a frame takes on its way in."""
        return self.facts["input"]["frame_bytes"]

    @property
    def output_bytes(self) -> int:
        """Bytes its outputs take on their way back."""
        return self.facts["output"]["frame_bytes"]

    def to_integers(self, x: np.ndarray) -> np.ndarray:
        """Quantize frames as the compiler does.

        Parameters
        ----------
        x : uint8 or float [n, channels, height, width]
            uint8 features are normalized if the network does so; floats are what the network takes.

        Returns
        -------
        int64[n, channels, height, width]

        Rounding
        --------
        Half toward plus infinity; saturates.
        """
        port, normalize = self.facts["input"], self.facts["normalize"]
        x = np.asarray(x)
        if x.ndim != 4 or list(x.shape[1:]) != port["shape"]:
            want = "×".join(map(str, port["shape"]))
            raise ValueError(f"frames must be n×{want}, not {'×'.join(map(str, x.shape))}")
        if x.dtype == np.uint8:
            if normalize is None:
                raise ValueError("frames are uint8, but the network carries no normalization; give floats")
            x = (x.astype(np.float64) - normalize["mean"]) / normalize["std"]
        elif x.dtype.kind != "f":
            raise ValueError(f"frames must be uint8 or float, not {x.dtype}")
        if not np.isfinite(x).all():
            raise ValueError("frames must be finite, but some are NaN or infinite")
        form = port["form"]
        least, most = _range(form)
        scaled = np.floor(x.astype(np.float64) * 2.0 ** form["fraction_bits"] + 0.5)
        return np.clip(scaled, least, most).astype(np.int64)

    def pack(self, frames: np.ndarray) -> np.ndarray:
        """Lay int64[n, channels, height, width] out as uint8[n, input_bytes]."""
        port = self.facts["input"]
        count, channels = frames.shape[:2]
        pixels = frames.reshape(count, channels, -1).transpose(0, 2, 1)
        slots = np.zeros((*pixels.shape[:2], -(-channels // port["lanes"]) * port["lanes"]), np.int64)
        slots[:, :, :channels] = pixels
        size = port["container_bits"] // 8
        elements = slots.astype(f"<i{size}").reshape(count, port["beats"], -1).view(np.uint8)
        beats = np.zeros((count, port["beats"], port["slot_bytes"]), np.uint8)
        beats[:, :, : elements.shape[2]] = elements
        packed = np.zeros((count, port["frame_bytes"]), np.uint8)
        packed[:, : beats[0].size] = beats.reshape(count, -1)
        return packed

    def unpack(self, data: np.ndarray) -> np.ndarray:
        """Read uint8[n, output_bytes] as float64[n, outputs], logits in real units."""
        port = self.facts["output"]
        count, channels = len(data), port["shape"][0]
        size = port["container_bits"] // 8
        used = port["beats"] * port["slot_bytes"]
        beats = np.ascontiguousarray(data[:, :used]).reshape(count, port["beats"], -1)
        elements = np.ascontiguousarray(beats[:, :, : port["lanes"] * port["columns"] * size])
        values = elements.view(f"<{'i' if port['form']['signed'] else 'u'}{size}")
        pixels = values.reshape(count, port["shape"][1] * port["shape"][2], -1)[:, :, :channels]
        return pixels.transpose(0, 2, 1).reshape(count, -1) * self.facts["output_scale"]

    def split_report(self, data: bytes) -> dict[str, int]:
        """Read the results as they lie in memory, in the order of the registers; check the version."""
        found, at = {}, 0
        for name, (_, bits) in self.facts["results"].items():
            found[name] = int.from_bytes(data[at : at + bits // 8], "little")
            at += bits // 8
        return found

    def load_weights(
        self, content: bytes, write: Callable[[int, int], object], read: Callable[[int], int]
    ) -> None:
        """Load other weights through the card's registers, and make sure that they have arrived.

        Parameters
        ----------
        content : bytes
            A `weights.bin` that `python -m compiler weights` made for what is on the card.
        write : called with an offset and a value of 32 bits
        read : called with an offset; returns 32 bits

        Raises
        ------
        CardError
            If the card has fixed weights, or they did not arrive whole: then it stays in reset until they do.
        """
        registers = self.facts["loading"]
        if not registers:
            raise CardError("the design on the card has fixed weights: build it with --reloadable")
        write(registers["weights_number"], 0)
        for number, at in enumerate(range(0, len(content), 4), 1):
            write(registers["weights_word"], int.from_bytes(content[at : at + 4], "little"))
            write(registers["weights_number"], number)
        for _ in range(100):  # the last bytes are on their way through the memories
            if read(registers["weights_status"]) != 1:
                break
        arrived = {name: read(registers[f"weights_{name}"]) for name in ("done", "status", "checksum")}
        checksum = int.from_bytes(content[-4:], "little")
        if arrived != {"done": -(-len(content) // 4), "status": 0, "checksum": checksum}:
            raise CardError(f"the weights did not arrive whole, load them again: the card reports {arrived}")

    def check(self, report: dict[str, int]) -> None:
        """Raise CardError unless a report is of this interface and free of flags."""
        want = self.facts["version"]
        if report["version"] != want:
            got = report["version"]
            raise CardError(f"the card reports interface {got:#x}, not {want:#x}: another bitstream?")
        if where := self.stuck(report):
            raise CardError(f"the design stands still: {where}")
        raised = [name for bit, name in enumerate(self.facts["flags"]) if report["flags"] >> bit & 1]
        if raised:
            where = f" at word {report['fault_word']}" if report.get("fault_word") else ""
            raise CardError(f"the card reports {', '.join(raised)}{where}")


    def stuck(self, report: dict[str, int]) -> str | None:
        """Return where the watchdog says that the design stands still; None if it does not say so."""
        word = report["flags"] >> 16
        if not word >> 15:
            return None
        name = self.facts["stuck"][word & 0x3FFF]
        return f"nothing comes after {name}" if word >> 14 & 1 else f"{name} is offered but never taken"


def _range(form: dict[str, Any]) -> tuple[int, int]:
    width, signed = form["width"], form["signed"]
    return (-(1 << (width - 1)) if signed else 0), (1 << (width - int(signed))) - 1
