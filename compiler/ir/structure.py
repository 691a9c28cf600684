"""Read JSON that is not trusted, field by field, each with its type."""

import math
from typing import Any

from compiler.ir.values import Value
from hdl.numerics import FixedPoint

__all__ = ["Broken", "Record", "read_value", "write_value"]

_LARGEST_SIZE = 1 << 26
"""Most elements of a value."""


class Broken(Exception):
    """The content of a file is not what it must be."""


class Record:
    """A JSON object whose fields are read with their types; Broken if one is not so."""

    def __init__(self, content: Any, name: str) -> None:
        self._content = content
        self._name = name
        if not isinstance(content, dict):
            raise Broken(f"{name} must be an object")

    def present(self, key: str) -> bool:
        """Return whether a field is there and not null."""
        return self._content.get(key) is not None

    def integer(self, key: str) -> int:
        """Return an integer."""
        return self._read(key, int)

    def number(self, key: str) -> float:
        """Return a finite number."""
        value = float(self._read(key, int if type(self._content.get(key)) is int else float))
        if not math.isfinite(value):
            raise Broken(f"{key} of {self._name} must be finite")
        return value

    def text(self, key: str) -> str:
        """Return a string."""
        return self._read(key, str)

    def boolean(self, key: str) -> bool:
        """Return true or false."""
        return self._read(key, bool)

    def record(self, key: str) -> "Record":
        """Return an object."""
        return Record(self._read(key, dict), key)

    def records(self, key: str) -> list["Record"]:
        """Return a list of objects."""
        return [Record(item, f"{key}[{index}]") for index, item in enumerate(self._read(key, list))]

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        return self._items(key, str)

    def integers(self, key: str, count: int) -> tuple[int, ...]:
        """Return `count` integers, none negative."""
        items = self._items(key, int)
        if len(items) != count or min(items) < 0:
            raise Broken(f"{key} of {self._name} must be {count} integers, none negative")
        return items

    def _items(self, key: str, kind: type) -> tuple[Any, ...]:
        items = self._read(key, list)
        if any(type(item) is not kind for item in items):
            raise Broken(f"{key} of {self._name} must hold only {kind.__name__}")
        return tuple(items)

    def _read(self, key: str, kind: type) -> Any:
        value = self._content.get(key)
        if type(value) is not kind:
            raise Broken(f"{key} of {self._name} must be {kind.__name__}, not {type(value).__name__}")
        return value


def write_value(value: Value) -> dict[str, Any]:
    """Return an integer value as a JSON object."""
    form = {"width": value.form.width, "fraction_bits": value.form.fraction_bits, "signed": value.form.signed}
    form |= {} if value.form.multiplier == 1 else {"multiplier": value.form.multiplier}
    content = {"name": value.name, "shape": list(value.shape), "form": form}
    return content | ({} if value.at_most is None else {"at_most": value.at_most, "sparse": value.sparse})


def read_value(record: Record) -> Value:
    """Return the integer value of a JSON object. Raises Broken or ValueError."""
    form, shape = record.record("form"), record.integers("shape", 3)
    if math.prod(shape) > _LARGEST_SIZE:
        raise Broken(f"a value must have at most {_LARGEST_SIZE} elements, not shape {shape}")
    width, fraction_bits = form.integer("width"), form.integer("fraction_bits")
    if abs(fraction_bits) > 1000:
        raise Broken(f"fraction_bits must be from -1000 to 1000, not {fraction_bits}")
    multiplier = form.integer("multiplier") if form.present("multiplier") else 1
    bounded = record.present("at_most")
    return Value(
        record.text("name"),
        shape,
        FixedPoint(width, fraction_bits, form.boolean("signed"), multiplier),
        record.integer("at_most") if bounded else None,
        record.text("sparse") if bounded else None,
    )
