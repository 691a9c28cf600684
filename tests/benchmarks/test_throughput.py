"""What is made of a report, a simulation and a synthesis."""

from benchmarks.throughput import busy, each, error, fitting, measure_network

REPORT = {
    "stages": [
        {"name": "conv", "multipliers": 4, "layer": "conv", "resources": {"lut": 90}},
        {"name": "linear", "multipliers": 1, "layer": "linear", "resources": {"lut": 10}},
        {"name": "pool", "multipliers": 0, "layer": None, "resources": {"lut": 20}},
        {"name": "ingress"} | {"multipliers": 0, "layer": None},
    ],
    "layers": [{"name": "conv", "macs_sparse": 300}, {"name": "linear", "macs_sparse": 10}],
    "folding": {"instances": 1, "stages": {"conv": {"lut": 100}, "linear": {"lut": 10}, "pool": {"lut": 22}}},
    "resources": {"lut": 120, "dsp": 0},
}


def test_the_scarcest_resource_says_how_often_a_design_fits():
    assert fitting({"lut": 100, "dsp": 4, "uram": 0}, {"lut": 1000, "dsp": 39, "uram": 5}) == (9, "dsp")
    assert fitting({"lut": 100, "bram36": 0.5}, {"lut": 99, "bram36": 10}) == (0, "lut")


def test_busy_multipliers_are_useful_products_over_all_cycles():
    count, share, idlest = busy(REPORT, 100)
    assert (count, share) == (5, 0.62)
    assert idlest == "conv, 75% of 4"


def test_a_design_without_multipliers_has_none_that_are_busy():
    assert busy({"stages": [], "layers": []}, 100) == (0, 0.0, "")


def test_an_error_is_relative_to_synthesis_and_names_the_stage_that_is_off_most():
    assert error(REPORT, "lut") == (0.1, "conv, +10 of 120")


def test_nothing_predicted_and_nothing_found_is_no_error():
    report = REPORT | {"folding": {"instances": 1, "stages": {"conv": {"dsp": 0}}}}
    assert error(report, "dsp") == (0.0, "")
    report = REPORT | {"folding": {"instances": 1, "stages": {"conv": {"dsp": 2}}}}
    assert error(report, "dsp") == (1.0, "")


def test_what_pipelines_share_belongs_to_none_of_them():
    ends = [{"name": "ingress", "resources": {"lut": 5}}, {"name": "input_narrow", "resources": {"lut": 7}}]
    report = REPORT | {"stages": [*REPORT["stages"][:3], *ends]}
    assert sum(each(report, "lut").values()) == 132
    shared = report | {"folding": {**REPORT["folding"], "instances": 3}}
    assert sum(each(shared, "lut").values()) == 120


def test_a_network_that_is_too_large_for_a_board_is_a_row_that_says_so(tmp_path):
    row = measure_network("dense", "ecp5-85f", tmp_path / "builds")
    assert list(row) == ["refused"]
    assert "the smallest design needs" in row["refused"]
    assert not (tmp_path / "builds" / "filled").exists()
