"""Frames, values and times are judged from what the harness wrote down, without a simulator."""

import numpy as np
import pytest

from hdl.numerics import FixedPoint
from sim.contract import AxisPort, Prediction
from sim.judge import Fault, judge, measure
from sim.recording import Port, Recording
from sim.vectors import Vectors

PORT = AxisPort((2, 1, 1), FixedPoint(12, 0, True), 1, 16, 16)
VECTORS = Vectors(np.zeros((3, 1, 1, 1), int), np.array([[1, -2], [3, 4], [5, 6]]))
RIGHT = [1, 0xFFFE, 3, 4, 5, 6]
ENDS = [1, 3, 5]


def record(words, ends, *, reason="complete", **events):
    """Return a run in which beat n passed in cycle 10 + n."""
    return Recording(
        starts=[0, 2, 4],
        cycles=[10 + number for number in range(len(words))],
        lasts=[number in ends for number in range(len(words))],
        words=words,
        ports={"s_axis": Port(False, True, 3)},
        end_cycle=99,
        reason=reason,
        **events,
    )


def test_right_frames_have_no_fault():
    assert judge(record(RIGHT, ENDS), VECTORS, PORT).fault is None


@pytest.mark.parametrize(
    ("words", "ends", "correct", "fault"),
    [
        ([1, 0xFFFD, *RIGHT[2:]], ENDS, 2, Fault(0, 11, "logit 1: expected -2, got -3")),
        ([*RIGHT[:3], 7, 5, 6], ENDS, 2, Fault(1, 13, "logit 1: expected 4, got 7")),
        (RIGHT, [3, 5], 0, Fault(0, 11, "no tlast with beat 2")),
        (RIGHT, [], 0, Fault(0, 11, "no tlast with beat 2")),
        (RIGHT, [1, 2, 3, 5], 1, Fault(1, 12, "tlast came with beat 1 of 2")),
        ([1, 0xFFFE, 4, 5, 6], [1, 2, 4], 1, Fault(1, 12, "only 1 of 2 beats")),
        ([*RIGHT[:4], 9, 5, 6], [1, 4, 6], 1, Fault(1, 13, "3 beats, not 2")),
        ([*RIGHT, 8], ENDS, 3, Fault(3, 16, "1 beats more than all frames have")),
        ([*RIGHT, 8], [*ENDS, 6], 3, Fault(3, 16, "1 beats more than all frames have")),
        (RIGHT[:3], [1], 1, Fault(1, 99, "nothing moved any more after 1 of 2 output beats", hang=True)),
    ],
)
def test_the_first_fault_is_named(words, ends, correct, fault):
    reason = "complete" if len(words) >= len(RIGHT) else "idle"
    judgement = judge(record(words, ends, reason=reason), VECTORS, PORT)
    assert (judgement.correct, judgement.fault) == (correct, fault)


def test_bits_above_a_lane_must_be_right_too():
    port = AxisPort((2, 1, 1), FixedPoint(12, 0, True), 1, 16, 24)
    fault = judge(record([0x010001, *RIGHT[1:]], ENDS), VECTORS, port).fault
    assert fault == Fault(0, 10, "beat 0: tdata is 0x10001, not 0x1")


def test_the_earliest_fault_counts():
    internal = Fault(1, 5, "stream conv1: broken")
    run = record([0, *RIGHT[1:]], ENDS, broken=(12, "last"), errors=[14])
    assert judge(run, VECTORS, PORT, (internal,)).fault == internal
    assert judge(run, VECTORS, PORT).fault == Fault(0, 10, "logit 0: expected 1, got 0")
    rule = judge(record(RIGHT, ENDS, broken=(12, "last")), VECTORS, PORT).fault
    assert rule == Fault(1, 12, "m_axis: last changed while a beat waited to be taken")


def test_an_exhausted_budget_says_so():
    fault = judge(record(RIGHT[:2], [1], reason="budget"), VECTORS, PORT).fault
    assert fault.what == "the cycle budget ran out after 0 of 2 output beats"


@pytest.mark.parametrize(
    ("predicted", "holds"),
    [
        (Prediction(2, 11, True, True), True),
        (Prediction(3, 11, True, True), False),
        (Prediction(2, 12, True, True), False),
        (Prediction(3, 12, False, False), True),
        (Prediction(1, 12, False, False), False),
        (Prediction(2, 10, False, False), False),
        (Prediction(2, 12, True, False), True),
    ],
)
def test_a_prediction_holds_exactly_or_as_a_bound(predicted, holds):
    timing = measure(record(RIGHT, ENDS), predicted)
    assert (timing.latency_cycles, timing.interval_cycles, timing.interval_max) == (11, 2, 2)
    assert timing.holds is holds


def test_the_pace_of_a_full_pipeline_is_that_in_which_frames_are_taken_in():
    ends = np.cumsum([50] + [7, 13] * 16).tolist()
    run = Recording(cycles=ends, lasts=[True] * len(ends))
    run.starts = [*range(0, 17 * 4, 4), *range(17 * 4, 17 * 4 + 16 * 10, 10)]
    assert measure(run, Prediction(10, 60, True, False)).interval_cycles == 10
    assert measure(run, Prediction(10, 60, True, False)).holds
    assert not measure(run, Prediction(11, 60, True, False)).holds


def test_a_pipeline_that_still_fills_is_measured_where_frames_leave():
    """Two frames leave in nine cycles, while the queues of two instances take one in every two."""
    ends = [70 + 9 * (frame // 2) + 2 * (frame % 2) for frame in range(32)]
    run = Recording(starts=[*range(0, 64, 2)], cycles=ends, lasts=[True] * len(ends))
    timing = measure(run, Prediction(4.5, 70, True, False, instances=2))
    assert timing.interval_cycles == 4.5 and timing.holds


def test_a_pipeline_that_fills_slowly_is_told_from_a_full_one():
    """Found by fuzzing: a selector of 44 cycles before one of 46, and a queue between them."""
    ends = [200 + 46 * (frame // 2) + 8 * (frame % 2) for frame in range(32)]
    starts = [44 * (frame // 2) + 8 * (frame % 2) for frame in range(32)]
    run = Recording(starts=starts, cycles=ends, lasts=[True] * 32)
    timing = measure(run, Prediction(23, 203, True, False, instances=2))
    assert timing.interval_cycles == 23 and timing.holds


@pytest.mark.parametrize(
    ("instances", "late", "holds"), [(1, 0, True), (1, 1, False), (2, 40, True), (2, 41, False)]
)
def test_a_frame_may_wait_for_those_before_its_instance(instances, late, holds):
    """Found by fuzzing: where time depends on data, it may be dealt to the one that turns out slower."""
    ends = [50 + 10 * frame + late * (frame == 7) for frame in range(8)]
    run = Recording(starts=list(range(0, 80, 10)), cycles=ends, lasts=[True] * 8)
    assert measure(run, Prediction(10, 50, False, False, instances=instances)).holds is holds
