"""Numbers as sums of signed powers of two: each digit is a term that adders alone can sum."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

__all__ = ["Digit", "Term", "signed_digits"]


class Digit(NamedTuple):
    """`sign << shift`."""

    shift: int
    sign: int


class Term(NamedTuple):
    """`sign × (signal << shift)`; a signal is known by its number."""

    signal: int
    shift: int
    sign: int


@cache
def signed_digits(number: int) -> tuple[Digit, ...]:
    """Return the fewest signed digits whose sum is a number, lowest first.

    Of the forms with the fewest digits, it is the one whose highest digit is lowest, because that keeps
    adders narrow; then the one whose lower digits are.

    >>> [digit.sign << digit.shift for digit in signed_digits(7)]
    [-1, 8]
    >>> [digit.sign << digit.shift for digit in signed_digits(-3)]
    [-1, -2]
    """
    canonical = (number ^ (3 * number)).bit_count() if number >= 0 else len(signed_digits(-number))
    top = abs(number).bit_length()
    return min(_forms(number, 0, canonical, top), key=lambda form: [digit.shift for digit in reversed(form)])


def _forms(number: int, shift: int, digits: int, top: int) -> Iterator[tuple[Digit, ...]]:
    """Yield every form of `number << shift` with that many digits, none above `top`."""
    if number == 0 and digits == 0:
        yield ()
    elif number and digits and shift <= top:
        if number % 2 == 0:
            yield from _forms(number // 2, shift + 1, digits, top)
        else:
            for sign in (1, -1):
                for rest in _forms((number - sign) // 2, shift + 1, digits - 1, top):
                    yield (Digit(shift, sign), *rest)
