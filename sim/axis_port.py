"""How frames travel on a port of a design."""

from dataclasses import dataclass
from typing import Any

from hdl.numerics import FixedPoint
from hdl.streams.formats import shares_beats
from sim.format_json import form_to_json, shape_from_json

__all__ = ["AxisPort"]

Json = dict[str, Any]


@dataclass(frozen=True)
class AxisPort:
    """How frames travel on one AXI4-Stream port of `top`; `tlast` marks the last beat of a frame.

    Pixels in raster order, a pixel in ceil(channels / lanes) beats, channels ascending, the first in the
    lowest bits. If that is one beat, `columns` pixels share it, the first of them lowest. Each element
    fills `container_bits`, sign- or zero-extended; slots without a channel and bits above the elements
    are 0.

    Parameters
    ----------
    shape : (channels, height, width)
    form : FixedPoint
        Of one element.
    lanes : int
        Elements a beat, of each of its pixels.
    container_bits : int
        Bits that an element takes; from `form.width` to 64.
    data_bits : int
        Width of `tdata`; at least elements × container_bits.
    columns : int
        Pixels a beat; divides the width, or is whole rows that divide a frame.
    """

    shape: tuple[int, int, int]
    form: FixedPoint
    lanes: int
    container_bits: int
    data_bits: int
    columns: int = 1

    def __post_init__(self) -> None:
        if self.lanes < 1:
            raise ValueError(f"lanes must be a positive integer, not {self.lanes!r}")
        if not self.form.width <= self.container_bits <= 64:
            raise ValueError(f"container_bits must be {self.form.width} to 64, not {self.container_bits}")
        if not shares_beats(self.columns, *self.shape[1:]) or (self.columns > 1 and self.groups > 1):
            raise ValueError(f"columns must be 1 or divide {self.shape[2]}, or rows, not {self.columns!r}")
        least = self.elements * self.container_bits
        if self.data_bits < least:
            raise ValueError(f"data_bits must be at least {least}, not {self.data_bits}")

    @property
    def groups(self) -> int:
        """Beats a pixel."""
        return -(-self.shape[0] // self.lanes)

    @property
    def elements(self) -> int:
        """Elements a beat."""
        return self.lanes * self.columns

    @property
    def beats(self) -> int:
        """Beats a frame."""
        return self.groups * self.shape[1] * self.shape[2] // self.columns

    def to_json(self) -> Json:
        """Return the port as the manifest holds it."""
        return {
            "shape": list(self.shape),
            "form": form_to_json(self.form),
            "lanes": self.lanes,
            "columns": self.columns,
            "container_bits": self.container_bits,
            "data_bits": self.data_bits,
            "beats": self.beats,
        }

    @classmethod
    def from_json(cls, fields: Json) -> "AxisPort":
        """Read a port; raises KeyError, TypeError or ValueError."""
        values = dict(fields)
        beats = values.pop("beats")
        shape, form = shape_from_json(values["shape"]), FixedPoint(**values["form"])
        port = cls(**values | {"shape": shape, "form": form})
        if beats != port.beats:
            raise ValueError(f"beats must be {port.beats}, not {beats!r}")
        return port
