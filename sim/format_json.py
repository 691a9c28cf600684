"""Stream formats as the manifest holds them."""

from typing import Any

from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat, EntryFormat, StreamFormat, WinnersFormat

__all__ = ["form_to_json", "format_from_json", "format_to_json", "shape_from_json"]

Json = dict[str, Any]
KINDS = {"dense": DenseFormat, "winners": WinnersFormat, "entries": EntryFormat}


def form_to_json(form: FixedPoint) -> Json:
    """Write a number format; its multiplier only where there is one."""
    fields = {"width": form.width, "fraction_bits": form.fraction_bits, "signed": form.signed}
    return fields if form.multiplier == 1 else fields | {"multiplier": form.multiplier}


def format_to_json(form: StreamFormat) -> Json:
    """Write a stream format as `{"kind": …, field: …}`."""
    kind = next(name for name, cls in KINDS.items() if isinstance(form, cls))
    fields = {"kind": kind, "shape": list(form.shape), "form": form_to_json(form.form)}
    if isinstance(form, DenseFormat):
        return fields | {"lanes": form.lanes, "order": list(form.order), "columns": form.columns}
    if isinstance(form, WinnersFormat):
        return fields | {"at_most": form.at_most}
    return fields | {"at_most": form.at_most, "order": list(form.order)}


def format_from_json(fields: Json) -> StreamFormat:
    """Read what :func:`format_to_json` wrote. Raises KeyError, TypeError or ValueError."""
    values = dict(fields)
    kind = values.pop("kind")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    values["shape"] = shape_from_json(values["shape"])
    values["form"] = FixedPoint(**values["form"])
    if "order" in values:
        values["order"] = tuple(values["order"])
    return KINDS[kind](**values)


def shape_from_json(values: list[int]) -> tuple[int, int, int]:
    """Read (channels, height, width). Raises TypeError or ValueError."""
    shape = tuple(values)
    if len(shape) != 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(f"shape must be three positive integers, not {values!r}")
    return shape
