"""Numbers and payloads as bits."""

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data

from hdl.numerics import FixedPoint

__all__ = ["bits_of", "element", "signed", "unpacked"]


def element(form: FixedPoint) -> Shape:
    """Return the hardware shape of one number."""
    return Shape(form.width, form.signed)


def bits_of(layout: data.Layout, fields: dict) -> int:
    """Pack a payload, given as nested dicts and lists of integers, into one integer."""
    return layout.const(fields).as_bits()


def signed(raw: int, form: FixedPoint) -> int:
    """Return the number that bits of an element stand for."""
    return raw - (1 << form.width) if form.signed and raw >> (form.width - 1) else raw


def unpacked(payloads: Sequence[int], count: int, form: FixedPoint) -> np.ndarray:
    """Return the `count` numbers of each payload, the first in its lowest bits: int64[payloads, count].

    Verification reads every payload of its first frames: bits become numbers all at once.
    """
    size = -(-count * form.width // 8)
    packed = np.frombuffer(b"".join(payload.to_bytes(size, "little") for payload in payloads), dtype=np.uint8)
    bits = np.unpackbits(packed.reshape(-1, size), axis=1, count=count * form.width, bitorder="little")
    weights = 1 << np.arange(form.width)
    weights[-1] *= -1 if form.signed else 1
    return bits.reshape(-1, count, form.width) @ weights
