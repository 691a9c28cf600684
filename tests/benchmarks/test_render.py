"""The page: tables that say of each figure what kind it is, and how far goals are."""

import pytest

from benchmarks import render
from benchmarks.goals import LEAST, MOST, Goal
from benchmarks.parts import PARTS


def entry(part, **figures):
    return {
        "group": part.group, "point": part.point, "date": "2026-01-01", "seconds": 1.0,
        "tools": {"numpy": "2"},
        "figures": {name: {"value": value, "kind": part.kinds[name]} for name, value in figures.items()},
    }  # fmt: skip


def results(**figures):
    """Two parts of one table that share all but one figure."""
    first, second = [part for part in PARTS if part.group == "build"][:2]
    return {
        first.name: entry(first, cpu_seconds=1.5, **figures),
        second.name: entry(second, cpu_seconds=2.5, **figures),
    }


def test_a_table_has_a_row_a_part_and_names_the_kind_of_each_figure():
    page = render.render(results(peak_memory_mb=1234))
    assert "cpu seconds, *measured*" in page
    assert "| dense | 1.5 |" in page
    assert "The same for all: peak memory mb 1,234 (*measured*)." in page
    assert "`make bench PART=build`, 2026-01-01, 2 s; numpy 2." in page


def test_tables_without_figures_are_left_out():
    assert "## What a build costs" not in render.render({})


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [
        (MOST, 90, "reached"), (MOST, 40, "reached, the better one too"), (MOST, 120, "**missed by 20.0%**"),
        (LEAST, 120, "reached"), (LEAST, 300, "reached, the better one too"),
        (LEAST, 50, "**missed by 50.0%**"),
    ],
)  # fmt: skip
def test_a_goal_says_whether_it_is_reached_and_by_how_much_not(bound, value, said):
    aim = 50 if bound == MOST else 200
    found = {"a-b": {"figures": {"x": {"value": value, "kind": "simulated"}, "who": {"value": "conv2"}}}}
    goal = Goal("speed", bound, 100, aim, "a-b", "x", None, ("who",))
    text, limits, reached, judgement, holding = goal.row(found)
    assert (text, limits) == ("speed", f"{bound} 100, better {aim}")
    assert (reached, judgement, holding) == (f"{value} (simulated)", said, "who: conv2")


def test_a_goal_may_be_a_ratio_of_two_parts_and_needs_both():
    goal = Goal("ratio", LEAST, 20, 100, "sparse", "x", ("dense", "x"))
    sparse = {"sparse": {"figures": {"x": {"value": 50, "kind": "assumed"}}}}
    assert goal.row(sparse)[2] == "not measured"
    assert goal.value(sparse | {"dense": {"figures": {"x": {"value": 2}}}}) == 25
