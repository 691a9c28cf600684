"""Signed digits add up to their number, are as few as can be, and reach no higher than they must."""

import pytest

from hdl.conv.signed_digits import signed_digits


@pytest.mark.parametrize("number", [*range(-300, 301), 21845, -(2**15)])
def test_the_fewest_digits_add_up_to_their_number(number):
    digits = signed_digits(number)
    assert sum(digit.sign << digit.shift for digit in digits) == number
    # The digits of the canonical form, which is known to have the fewest, are where n and 3n differ.
    assert len(digits) == (abs(number) ^ (3 * abs(number))).bit_count()
    assert [digit.shift for digit in digits] == sorted({digit.shift for digit in digits})


def test_of_two_short_forms_the_narrower_one_is_taken():
    assert signed_digits(3) == ((0, 1), (1, 1))
    assert signed_digits(-6) == ((1, -1), (2, -1))
    assert signed_digits(7) == ((0, -1), (3, 1))
