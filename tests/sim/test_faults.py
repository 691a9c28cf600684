"""Designs recover from faults in time; those that do not are caught, and the fault is named."""

import json
import re

import numpy as np

from sim.contract import AxisPort
from sim.faults import KINDS
from sim.script import BROKEN, LAST, RESET, Script
from sim.verify import verify
from tests.sim.design import ACTIVATION, make_vectors, write_design

PORT = AxisPort((1, 2, 2), ACTIVATION, 1, 8, 8)
X = np.arange(8).reshape(2, 1, 2, 2)


def orders(script):
    return [int.from_bytes(script.orders[n : n + 8], "big") for n in range(0, len(script.orders), 8)]


def test_a_script_says_what_each_fault_looks_like_and_what_must_come_out():
    script = Script(X, PORT)
    script.whole(1)
    script.reset(0, 2)
    script.cut_short(1, 1)
    script.go_on(0, 1)
    script.silence(7)
    script.never_end(0, 1)
    script.silent_within(1, 2, 5)
    assert script.expected == [[1, 0], [BROKEN, 0, 0, 1]] and script.flagged == [False, True]
    assert script.faults == 6 and max(script.silent_cycles) == 7
    assert script.words[:, 0].tolist() == [4, 5, 6, 7, 0, 1, 4, 0, 1, 2, 3, 0, *range(8), *range(4, 8)]
    want = [0, 0, 0, LAST, 0, 0, RESET | LAST, 0, 0, 0, 0, LAST, 7, *[0] * 6, LAST, 0, 0, 5, LAST]
    assert orders(script) == want


def test_a_whole_frame_before_a_reset_has_its_end():
    script = Script(X, PORT)
    script.reset(0, 4)
    script.whole(1)
    assert orders(script) == [0, 0, 0, LAST, RESET, 0, 0, LAST]


def test_a_design_without_framing_recovers_from_resets_and_silence_alone(built):
    """The hand-written design ignores `tlast`: a broken frame puts it out of step, and nothing else does."""
    verdict = verify(write_design(built, make_vectors(8)), stalls=["none"], faults=True)
    assert verdict.bit_exact and not verdict.passed
    wrong = {result.kind for result in verdict.faults if result.fault}
    assert wrong == {"cut short", "too long", "without an end", "anything"}
    assert re.search(r", but not after cut short: frame \d+ after reset 0, cycle \d+: ", verdict.line)
    results = json.loads((built / "sim" / "results.json").read_text())
    assert {result["kind"] for result in results["faults"]} == set(KINDS)


def test_faults_are_not_looked_for_in_a_design_that_is_wrong_without(built):
    verdict = verify(write_design(built, make_vectors(8), fault=1), stalls=["none"], faults=True)
    assert verdict.faults == () and "not bit-exact" in verdict.line
