"""A proof that could not fail would be worth nothing: false claims are refuted, with a run that shows it."""

import pytest
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Module, Signal

from hdl.streams.queue import Queue, QueueConfig
from tests.proofs.opened import Opened
from tests.proofs.prove import prove


def _counter(limit: int, claim: int) -> Module:
    """Count up to `limit` at most; claim that the count stays below `claim`."""
    m = Module()
    count = Signal(4)
    with m.If(AnySeq(1) & (count != limit)):
        m.d.sync += count.eq(count + 1)
    m.d.comb += Assert(count < claim)
    return m


@pytest.mark.parametrize("mode", ["bmc", "prove"])
def test_a_false_claim_is_refuted_by_a_run(mode):
    verdict = prove(_counter(7, 4), name="counter", mode=mode, depth=8)
    assert not verdict.passed
    assert "Assert failed in top" in verdict.log
    count = next(line for line in verdict.trace.splitlines() if line.startswith("count "))
    assert count.split()[1:6] == ["0", "1", "2", "3", "4"]


def test_a_bounded_proof_says_nothing_of_later_cycles():
    assert prove(_counter(7, 7), name="counter", mode="bmc", depth=7).passed
    assert not prove(_counter(7, 7), name="counter", mode="bmc", depth=8).passed


def test_a_claim_that_no_induction_carries_is_not_proved():
    # True, but a count from 9 to 15 would break it in the end; it takes `count <= 7` to rule that out.
    assert not prove(_counter(7, 9), name="counter", depth=1).passed
    assert prove(_counter(7, 8), name="counter", depth=1).passed


def test_a_proof_that_takes_too_long_is_none():
    verdict = prove(_counter(7, 8), name="counter", limit_s=0)
    assert not verdict.passed
    assert "no answer after 0 s" in verdict.log


def test_inner_parts_are_found_by_name():
    m = Module()
    m.submodules.dut = opened = Opened(Queue(QueueConfig(bits=4, depth=3)))
    # That each slot can be written, and read out of turn, is what this false claim shows.
    m.d.comb += [opened.component.i.payload.eq(9), opened.component.i.valid.eq(1)]
    m.d.comb += Assert((opened.value("produce", "fifo") != 2) | (opened.rows("fifo.storage")[1] != 9))
    assert not prove(m, name="inner", mode="bmc", depth=3).passed
