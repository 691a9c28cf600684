"""The zero-skipping arrays: banks never meet, sums never overflow, and the products are those of the matrix."""

import pytest
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, signed

from hdl.mac.lanes import LanesConfig
from tests.proofs.claims import assert_proved, leaves, surround, takes
from tests.proofs.components import BIAS, OUTPUTS, WEIGHT, small
from tests.proofs.opened import Opened

RULE = "no bank is filled and drained in one cycle"


def _claim_banks(m: Module, opened: Opened, lanes: str, idle: Signal) -> None:
    """Claim that a bank is not issued to while it is drained, nor anything while both are cleared."""
    readout, lanes = opened.parts["readout"], opened.parts[lanes]
    issue, drain = lanes.issue, readout.drain
    draining, clearing = opened.value("draining", "readout"), opened.value("clearing", "readout")
    m.d.comb += [
        Assert(~(issue.valid & drain.valid & (issue.bank == drain.bank))),
        Assert(~(issue.valid & drain.clear)),
        # What carries the induction: the bank being drained is never the one being filled.
        Assert(~draining | (drain.bank != opened.value("bank"))),
        Assert(~(draining & clearing)),
        Assert(~clearing | idle),
        Assert(drain.slot < readout.config.slots),
        Assert(readout.free | ~opened.value("finish")),
    ]


def test_no_bank_is_filled_and_drained_in_one_cycle():
    m = Module()
    for name, lanes, working in (
        ("zero_skip_conv", "column0", ("busy",)),
        ("zero_skip_linear", "lanes", ("looking", "fetching")),
    ):
        opened = surround(m, small(name), name)
        idle = ~sum(opened.value(signal) for signal in working).bool()
        _claim_banks(m, opened, lanes, idle)
        if name == "zero_skip_conv":
            lefts = opened.values("left")
            m.d.comb += [Assert(opened.value("busy") | (left == 0)) for left in lefts]
        else:
            m.d.comb += Assert(opened.value("fetching") | (opened.value("remaining") == 0))
    assert_proved(m, name="banks", depth=2)
