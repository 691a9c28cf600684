"""A right design gets its verdict; each kind of wrong one is caught, named and traced to where it began."""

import json
import re

import pytest

from sim.contract import Contract, Prediction
from sim.errors import SimulationError
from sim.verify import verify
from tests.sim.design import CONTRACT, layers, make_vectors, write_design

AT = r" at cycle \d+"
VALUES = r"expected -?\d+, got -?\d+"
FAULTS = [
    (1, f"1/8 vectors wrong; first: frame 2, stall pattern none: logit 1: {VALUES}{AT}"),
    (2, f"frame 2, stall pattern none: only 2 of 3 beats{AT}"),
    (3, f"frame 2, stall pattern none: 4 beats, not 3{AT}"),
    (4, f"frame 2, stall pattern none: tlast came with beat 2 of 3{AT}"),
    (5, "frame 2, .* after 0 of 3 .*; stream relu is offered but never taken, frame 2, beat 6; .* winners"),
    (6, f"stall pattern sink: m_axis: payload changed while a beat waited to be taken{AT}"),
    (7, f"frame 2, .* layer relu, stream relu: channel 1, y 1, x 2: {VALUES}{AT}; at the output: logit"),
    (8, f"frame 2, .* layer kwta, stream winners: channel ., y 1, x 1: {VALUES}{AT}; at the output: logit"),
    (9, f"frame 0, .*frame_error is high though every input frame is whole{AT}"),
    (11, f"stall pattern sink: m_axis: valid fell while a beat waited to be taken{AT}"),
    (12, "frame 2, .* after 0 of 3 .*; stream winners offers nothing more after 4 beats of frame 2"),
    (13, f"layer relu, stream relu: a beat changed or was withdrawn while it waited to be taken{AT}"),
    (15, f"frame 0, stall pattern sink: logit 0: {VALUES}{AT}"),
]


def expected_layers(vectors):
    return lambda frames: layers(vectors.x[frames])


def test_a_right_design_is_bit_exact_and_as_fast_as_predicted(built):
    steps = []
    verdict = verify(write_design(built, make_vectors(40, positive=True)), progress=steps.append)
    assert verdict.line == "bit-exact: 40/40 vectors × 4 stall patterns, interval 12 cycles as predicted"
    assert verdict.passed and verdict.waves is None
    assert verdict.timing.latency_cycles == 14
    assert steps[:2] == [
        "building the simulator", "simulating 40 frames, stall patterns none, source, sink, both",
    ]  # fmt: skip
    ends = [f"stall pattern {stall}: 40 of 40 frames right" for stall in ("none", "source", "sink", "both")]
    assert sorted(steps[2:]) == sorted(ends)
    cycles = {result.pattern: result.cycles for result in verdict.patterns}
    assert cycles["none"] < min(cycles["source"], cycles["sink"]) <= max(cycles.values()) <= cycles["both"]
    results = json.loads((built / "sim" / "results.json").read_text())
    assert results["line"] == verdict.line
    assert results["bit_exact"]["vectors"] == 40 and results["bit_exact"]["mismatches"] == 0
    assert results["interval_cycles"]["simulated"] == results["interval_cycles"]["predicted"] == 12


def test_a_verification_repeats_every_cycle(built):
    write_design(built, make_vectors(20))
    first, second = (verify(built, stalls=["both"]) for _ in range(2))
    assert [result.cycles for result in first.patterns] == [result.cycles for result in second.patterns]


def test_a_build_directory_may_be_named_relative_to_here(built, monkeypatch):
    write_design(built, make_vectors(4))
    monkeypatch.chdir(built.parent)
    assert verify(built.name, stalls=["none"]).passed


@pytest.mark.parametrize(("fault", "text"), FAULTS)
def test_a_fault_is_caught_and_located(built, fault, text):
    vectors = make_vectors(8)
    write_design(built, vectors, fault=fault)
    verdict = verify(built, stalls=["none", "sink"], expected_layers=expected_layers(vectors))
    assert not verdict.bit_exact and not verdict.passed
    assert re.search(text, verdict.line), verdict.line
    assert verdict.waves == "sim/waves.vcd" and verdict.line.endswith("; waves: sim/waves.vcd")
    assert "$enddefinitions" in (built / "sim" / "waves.vcd").read_text()


def test_a_difference_names_layer_channel_position_and_values(built):
    vectors = make_vectors(8)
    verdict = verify(
        write_design(built, vectors, fault=7), stalls=["sink"], expected_layers=expected_layers(vectors)
    )
    found = verdict.failure.difference
    assert (found.layer, found.channel, found.y, found.x) == ("relu", 1, 1, 2)
    assert (found.expected, found.got) == (max(0, vectors.x[2, 1, 1, 2]), max(0, vectors.x[2, 1, 1, 2]) + 1)
    results = json.loads((built / "sim" / "results.json").read_text())
    assert results["failure"]["difference"]["layer"] == "relu" and not results["passed"]


def test_a_wrong_number_that_no_output_shows_is_found_inside(built):
    vectors = make_vectors(8, positive=True)
    write_design(built, vectors, fault=14)
    assert verify(built).bit_exact, "without the right tensors only outputs are compared"
    verdict = verify(built, expected_layers=expected_layers(vectors))
    assert not verdict.bit_exact and verdict.mismatches == 0
    first, second = vectors.x[2, :, 1, 2]
    channel, value = int(first >= second), min(first, second)
    where = f"frame 2, stall pattern none: layer relu, stream relu: channel {channel}, y 1, x 2"
    assert f"0/8 vectors wrong; first: {where}: expected {value}, got 0 at cycle " in verdict.line


def test_a_slower_design_than_predicted_fails_though_bit_exact(built):
    verdict = verify(write_design(built, make_vectors(8, positive=True), fault=10))
    assert verdict.bit_exact and not verdict.passed
    assert verdict.line.endswith("but interval 17 cycles where 12 were predicted")


def test_a_bound_holds_where_frames_are_faster(built):
    contract = Contract(CONTRACT.input, CONTRACT.output, CONTRACT.streams, Prediction(30, 20, False, False))
    write_design(built, make_vectors(8, positive=True), contract=contract)
    verdict = verify(built, stalls=["none"])
    assert verdict.passed and verdict.line.endswith(", interval 12 cycles within the 30 predicted")


def test_a_bound_that_does_not_hold_fails(built):
    contract = Contract(CONTRACT.input, CONTRACT.output, CONTRACT.streams, Prediction(30, 13, False, False))
    verdict = verify(write_design(built, make_vectors(8, positive=True), contract=contract), stalls=["none"])
    assert not verdict.passed and verdict.line.endswith("but latency 14 cycles where 13 were predicted")


def test_one_vector_tells_the_latency(built):
    verdict = verify(write_design(built, make_vectors(8, positive=True)), vectors=1, stalls=["none"])
    assert verdict.line == "bit-exact: 1/1 vectors × 1 stall pattern, latency 14 cycles as predicted"


def test_waves_can_be_asked_for(built):
    verdict = verify(write_design(built, make_vectors(8)), vectors=2, stalls=["none"], waves=True)
    assert verdict.bit_exact and verdict.waves == "sim/waves.vcd"
    assert (built / verdict.waves).exists()
    verify(built, vectors=1, stalls=["none"])
    assert not (built / verdict.waves).exists(), "waves of an earlier verdict mislead"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"vectors": 0}, "vectors: must be from 1 to 8, the vectors in the build directory, not 0"),
        ({"vectors": 9}, "not 9"),
        ({"stalls": ["slow"]}, "stall patterns: must be of none, source, sink, both, not \\['slow'\\]"),
        ({"stalls": []}, "stall patterns: must be of"),
    ],
)
def test_wrong_options_are_refused(built, options, text):
    write_design(built, make_vectors(8))
    with pytest.raises(SimulationError, match=text):
        verify(built, **options)


def test_what_is_no_build_directory_is_refused(tmp_path):
    with pytest.raises(SimulationError, match="not a build directory: rtl/top.v or manifest.json is missing"):
        verify(tmp_path)
