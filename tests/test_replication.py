"""Several instances behind one stream pair are verified like one: every bit, in order, on time."""

import re

import pytest

import compiler
from benchmarks.networks import network


def _build(name, instances, folder, **options):
    model, shape = network(name)
    return compiler.build(
        model, board="u250", input_shape=shape, instances=instances, output=folder / "out", **options
    )


@pytest.mark.parametrize(("name", "instances"), [("one_by_one", 1), ("one_by_one", 5), ("speech_like", 2)])
def test_replicated_verilog_equals_pytorch_and_keeps_its_time(name, instances, tmp_path):
    bundle = _build(name, instances, tmp_path)
    verdict = bundle.verify()
    assert verdict.passed, verdict.line
    assert verdict.mismatches == 0 and len(verdict.patterns) == 4
    report = bundle.report
    assert report["throughput"]["instances"] == instances
    interval = report["interval_cycles"]
    assert interval["simulated"] <= interval["predicted"]
    if interval["exact"]:
        assert interval["simulated"] == interval["predicted"]


def test_a_bus_that_carries_rows_feeds_what_a_row_a_beat_does_not(tmp_path):
    """Six instances take a frame of twelve rows in fewer cycles than that: several rows come at once."""
    bundle = _build("speech_like", 6, tmp_path, interval=60)
    assert bundle.manifest["interface"]["input"]["columns"] > 12
    assert bundle.report["interval_cycles"]["predicted"] < 12
    verdict = bundle.verify(stalls=("none",))
    assert verdict.passed, verdict.line
    assert verdict.timing.interval_cycles <= verdict.predicted.interval_cycles


def test_instances_share_one_copy_of_every_stage(tmp_path):
    sizes = {}
    for instances in (1, 5):
        rtl = _build("speech_like", instances, tmp_path / str(instances)).directory / "rtl"
        sizes[instances] = sum(path.stat().st_size for path in rtl.rglob("*.*") if path.name != "top.v")
    assert len(re.findall(r"^  pipeline box ", (rtl / "top.v").read_text(), re.MULTILINE)) == 5
    assert len(list((rtl / "images").iterdir())) == len(list((tmp_path / "1/out/rtl/images").iterdir()))
    assert sizes[5] < 1.5 * sizes[1]


def test_a_bus_too_narrow_for_its_instances_is_said_to_set_the_interval(tmp_path):
    """Eleven channels travel in two beats a pixel, which no wider bus can join."""
    bundle = _build("many_input_channels", 5, tmp_path, interval=120)
    assert bundle.report["interval_cycles"]["predicted"] == 32
    assert [stage["name"] for stage in bundle.report["stages"] if stage["bottleneck"]] == ["ingress"]
