import json

import pytest

from compiler.report import add_verdict, write_report
from tests.report.sample import sample


class Simulation:
    """Stands in for a `sim.verdict.Verdict`."""

    def __init__(self, interval, passed=True):
        self.found = {
            "passed": passed,
            "line": "the verdict",
            "bit_exact": {"vectors": 3, "mismatches": 0, "stall_patterns": ["none"], "simulator": "none"},
            "interval_cycles": {"predicted": 1100, "simulated": interval},
            "latency_cycles": {"predicted": 4321, "simulated": 4000},
            "failure": None,
        }

    def to_json(self):
        return self.found


@pytest.fixture
def unverified():
    report = sample()
    report["verdict"] = report["bit_exact"] = None
    report["throughput"] |= {"interval_source": "predicted"}
    return report


def test_a_verdict_brings_simulated_cycles_and_throughput(unverified):
    report = add_verdict(unverified, Simulation(1000))
    assert report["interval_cycles"] == {"predicted": 1100, "simulated": 1000, "exact": True, "goal": 784}
    assert report["latency_cycles"] == {"predicted": 4321, "simulated": 4000}
    assert report["throughput"]["frames_per_second"] == 300_000
    assert report["throughput"]["interval_source"] == "simulated"
    assert report["bit_exact"]["vectors"] == 3
    assert report["verdict"] == {"passed": True, "line": "the verdict", "failure": None}


def test_a_verdict_without_an_interval_leaves_the_throughput_predicted(unverified):
    report = add_verdict(unverified, Simulation(None, passed=False))
    assert report["throughput"] == unverified["throughput"]
    assert not report["verdict"]["passed"]


def test_a_report_is_written_as_json_and_as_a_page(tmp_path):
    write_report(tmp_path, sample())
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == sample()
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_a_page_that_cannot_be_made_leaves_the_old_files(tmp_path):
    write_report(tmp_path, sample())
    before = (tmp_path / "report.json").read_bytes()
    broken = sample() | {"throughput": {"frames_per_second": float("nan")}}
    with pytest.raises(ValueError, match="nan"):
        write_report(tmp_path, broken)
    assert (tmp_path / "report.json").read_bytes() == before
