"""Numbers and payloads as bits."""

from amaranth.hdl import Shape
from amaranth.lib import data

from hdl.numerics import FixedPoint

__all__ = ["bits_of", "element", "signed"]


def element(form: FixedPoint) -> Shape:
    """Return the hardware shape of one number."""
    return Shape(form.width, form.signed)


def bits_of(layout: data.Layout, fields: dict) -> int:
    """Pack a payload, given as nested dicts and lists of integers, into one integer."""
    return layout.const(fields).as_bits()


def signed(raw: int, form: FixedPoint) -> int:
    """Return the number that bits of an element stand for."""
    return raw - (1 << form.width) if form.signed and raw >> (form.width - 1) else raw
