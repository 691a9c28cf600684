import pytest

from compiler.report.diagram import draw_pipeline
from tests.report.sample import sample


def draw(columns: int, count: int | None = None, width: float = 240.0):
    report = sample()
    stages = report["stages"][:count]
    return draw_pipeline(stages, report["streams"][: len(stages) - 1], columns=columns, box_width=width)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7, 40])
def test_boxes_stay_inside_and_apart(columns):
    drawing = draw(columns)
    places = [(box.x, box.y) for box in drawing.boxes]
    assert len(set(places)) == len(places)
    assert all(0 <= x <= drawing.width - drawing.box_width for x, _ in places)
    assert all(0 <= y <= drawing.height - drawing.box_height for _, y in places)


def test_stages_read_down_one_column_and_on_at_the_head_of_the_next():
    boxes = draw(4).boxes
    assert [(box.x, box.y) for box in boxes] == sorted((box.x, box.y) for box in boxes)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_short_pipelines_are_drawn_as_well(count):
    drawing = draw(4, count)
    assert len(drawing.boxes) == count
    assert len(drawing.lines) == count - 1


def test_a_box_is_as_full_as_its_stage_is_busy():
    shares = {box.name: box.share for box in draw(1, width=400).boxes}
    assert shares["conv2"] == 1.0
    assert shares["winners2"] == pytest.approx(100 / 1100)


def test_wide_beats_make_thick_lines():
    thickness = {line.full_text.split()[0]: line.thickness for line in draw(4).lines}
    assert thickness["linear2"] < thickness["pool1"] < thickness["conv2_window"]


def test_a_long_name_is_cut_but_kept_whole_beside():
    report = sample()
    report["stages"][0]["name"] = "a_very_long_name_of_a_stage" * 20
    box = draw_pipeline(report["stages"], report["streams"], columns=1, box_width=240).boxes[0]
    assert box.name.endswith("…") and len(box.name) < 30
    assert box.full_name == report["stages"][0]["name"]
