import re
from dataclasses import replace

import pytest

from boards import Board, UnknownBoard, all_boards, find

NAMES = [board.name for board in all_boards()]


def test_the_three_boards_of_the_command_line_exist():
    assert {"u250", "zu3eg", "ecp5-85f"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_board_is_found_by_its_name(name):
    assert find(name).name == name


def test_a_budget_is_three_quarters_of_each_resource():
    assert dict(find("u250").budget) == {
        "lut": 1_296_000, "ff": 2_592_000, "dsp": 9_216, "bram36": 2_016, "uram": 960,
    }  # fmt: skip
    assert dict(find("ecp5-85f").budget) == {
        "lut": 62_730, "ff": 62_730, "dsp": 117, "bram18": 156, "uram": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "nearest"), [("u25", "u250"), ("U250", "u250"), ("zu3", "zu3eg"), ("ecp5", "ecp5-85f")]
)
def test_a_misspelt_board_names_the_nearest_ones(typed, nearest):
    with pytest.raises(UnknownBoard, match=f"^--board: no board is named '{typed}'; try {nearest}"):
        find(typed)


def test_a_name_near_nothing_lists_every_board():
    with pytest.raises(UnknownBoard) as error:
        find("?")
    assert all(name in error.value.next for name in NAMES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "U250"}, "name must be lower case without spaces, not 'U250'"),
        ({"clock_source": "guessed"}, "clock_source must be one of ('assumed', 'placed and routed')"),
        ({"clock_mhz": 0}, "clock_mhz must be positive, not 0"),
        ({"budget_fraction": 1.5}, "budget_fraction must be above 0 and at most 1, not 1.5"),
        ({"dsp": -1}, "dsp must be at least 0, not -1"),
    ],
)
def test_wrong_facts_are_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(find("u250"), **change)


def test_boards_compare_by_their_facts():
    assert find("u250") == find("u250") != find("zu3eg")
    assert isinstance(find("zu3eg"), Board)
