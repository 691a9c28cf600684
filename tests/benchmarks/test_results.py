"""The harness around measurements, and that the committed page says what the committed figures say."""

import json

import pytest

from benchmarks import render
from benchmarks.parts import PARTS, TABLES
from benchmarks.results import KINDS, Part, load, measure, rows


def test_the_page_is_what_the_figures_say():
    assert render.PAGE.read_text() == render.render(load())


def test_the_pictures_are_what_the_figures_say():
    drawn = render.pictures(load())
    committed = {path.name: path.read_text() for path in render.PICTURES.glob("*.svg")}
    assert committed == drawn


def test_every_part_has_a_name_of_its_own_a_table_and_known_kinds():
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert {part.group for part in PARTS} == {table.group for table in TABLES}
    assert {kind for part in PARTS for kind in part.kinds.values()} <= set(KINDS)


def test_every_committed_figure_is_of_a_part_that_can_be_measured_again():
    parts = {part.name: part.kinds for part in PARTS}
    for name, entry in load().items():
        found = {figure: found["kind"] for figure, found in entry["figures"].items()}
        assert found.items() <= parts[name].items()


def test_a_part_replaces_its_own_figures_and_no_others(tmp_path):
    path = tmp_path / "results.json"
    measure(Part("a", "b", lambda folder: {"cycles": 7}, {"cycles": "simulated"}), tmp_path, path)
    measure(Part("a", "a", lambda folder: {"lut": 3}, {"lut": "synthesized"}), tmp_path, path)
    part = Part("a", "b", lambda folder: {"cycles": 8}, {"cycles": "simulated", "lut": "predicted"})
    measure(part, tmp_path, path)
    found = json.loads(path.read_text())
    assert list(found) == ["a-a", "a-b"]
    assert found["a-b"]["figures"] == {"cycles": {"value": 8, "kind": "simulated"}}
    assert found["a-b"]["command"] == "make bench PART=a-b"
    assert rows(found, [part]) == [{"point": "b", "cycles": 8}]


def test_figures_of_no_stated_kind_are_refused(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(ValueError, match="a-b: figures"):
        measure(Part("a", "b", lambda folder: {"lut": 3}, {}), tmp_path, path)
    assert not path.exists()
