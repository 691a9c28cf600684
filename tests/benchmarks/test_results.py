"""The harness around measurements, and that the committed page says what the committed figures say."""

import json

import pytest

from benchmarks import render
from benchmarks.results import Part, load, measure
from benchmarks.run import PARTS
from benchmarks.throughput import busy, fitting

KINDS = {"predicted", "simulated", "synthesized", "assumed", "counted", "measured"}


def test_the_page_is_what_the_figures_say():
    assert render.PAGE.read_text() == render.render(load())


def test_every_part_has_a_name_of_its_own_and_known_kinds():
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert {kind for part in PARTS for kind in part.kinds.values()} <= KINDS


def test_every_committed_figure_is_of_a_part_that_can_be_measured_again():
    parts = {part.name: part.kinds for part in PARTS}
    for name, entry in load().items():
        assert {figure: found["kind"] for figure, found in entry["figures"].items()} == parts[name]


def test_a_part_replaces_its_own_figures_and_no_others(tmp_path):
    path = tmp_path / "results.json"
    measure(Part("b", lambda folder: {"cycles": 7}, {"cycles": "simulated"}), tmp_path, path)
    measure(Part("a", lambda folder: {"lut": 3}, {"lut": "synthesized"}), tmp_path, path)
    measure(Part("b", lambda folder: {"cycles": 8}, {"cycles": "simulated"}), tmp_path, path)
    found = json.loads(path.read_text())
    assert list(found) == ["a", "b"]
    assert found["b"]["figures"] == {"cycles": {"value": 8, "kind": "simulated"}}
    assert found["b"]["command"] == "make bench PART=b"
    page = render.render(found)
    assert "| cycles | 8 | simulated |" in page and "## a" in page


def test_figures_of_no_stated_kind_are_refused(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(ValueError, match="a: figures"):
        measure(Part("a", lambda folder: {"lut": 3}, {}), tmp_path, path)
    assert not path.exists()


def test_the_scarcest_resource_says_how_often_a_design_fits():
    assert fitting({"lut": 100, "dsp": 4, "uram": 0}, {"lut": 1000, "dsp": 39, "uram": 5}) == (9, "dsp")
    assert fitting({"lut": 100, "bram36": 0.5}, {"lut": 99, "bram36": 10}) == (0, "lut")


def test_busy_multipliers_are_useful_products_over_all_cycles():
    report = {
        "stages": [{"multipliers": 4, "layer": "conv"}, {"multipliers": 0, "layer": None}],
        "layers": [{"name": "conv", "macs_sparse": 300}],
    }
    assert busy(report, 100) == (4, 0.75)
