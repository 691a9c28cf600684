"""Line charts: where points stand, and what is drawn for them."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.chart import HEIGHT, LEFT, WIDTH, Axis, chart


@pytest.mark.parametrize(
    ("axis", "values", "ticks"),
    [
        (Axis("x"), [0, 95], [0, 20, 40, 60, 80, 100]),
        (Axis("x"), [3, 7], [2, 4, 6, 8]),
        (Axis("x", logarithmic=True), [3, 70], [2, 5, 10, 20, 50, 100]),
        (Axis("x", ticks=[5, 50]), [7], [5, 50]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(axis, values, ticks):
    assert axis.lines(values) == pytest.approx(ticks)


def test_a_logarithmic_axis_gives_equal_room_to_equal_ratios():
    axis = Axis("x", logarithmic=True)
    assert axis.place(10, [1, 100]) == pytest.approx(0.5)
    assert Axis("x").place(50, [0, 100]) == pytest.approx(0.5)


def test_the_ends_of_a_line_stand_at_the_ends_of_the_plot():
    text = chart({"all": [(0, 10), (100, 1)]}, Axis("x", ticks=[0, 100]), Axis("y", True, [1, 10]))
    (left, top), (right, bottom) = (
        map(float, point.split(",")) for point in re.search(r'points="([^"]*)"', text)[1].split()
    )
    assert (left, right) == (LEFT, LEFT + WIDTH)
    assert bottom - top == HEIGHT


def test_ideal_lines_are_dashed_and_synthesized_points_have_no_line():
    series = {"ideal": [(1, 1), (2, 2)], "synthesized": [(1, 1), (2, 2)]}
    text = chart(series, Axis("x"), Axis("y"))
    root = ElementTree.fromstring(text)
    assert text.count("stroke-dasharray") == 2  # the line, and its sample in the key
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 3  # and one in the key
