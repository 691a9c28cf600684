"""The zero-skipping arrays: banks never meet, sums never overflow, and products are those of the matrix."""

import numpy as np
import pytest
from amaranth.hdl import Array, Assert, Assume, Cat, Const, Module, Mux, ResetSignal, Signal, signed

from compiler.ir.integer_ops import IntegerLinear
from compiler.ir.intervals import accumulator_range
from compiler.ir.values import Value as Tensor
from hdl.linear.zero_skip import ZeroSkipLinear, ZeroSkipLinearConfig
from hdl.mac.words import pack_words
from hdl.numerics import FixedPoint, signed_bits
from hdl.streams.formats import DenseFormat, EntryFormat
from tests.proofs.claims import Golden, assert_proved, delayed, leaves, raw, surround, takes
from tests.proofs.components import BIAS, OUTPUTS, WEIGHT, small
from tests.proofs.opened import Opened
from tests.proofs.prove import prove


def _claim_banks(m: Module, opened: Opened, lanes: str, idle: Signal) -> None:
    """Claim that a bank is not issued to while it is drained, nor anything while slots are primed."""
    readout, lanes = opened.parts["readout"], opened.parts[lanes]
    issue, drain = lanes.issue, readout.drain
    draining, priming = opened.value("draining", "readout"), opened.value("priming", "readout")
    one_bank = lanes.config.banks == 1
    m.d.comb += [
        Assert(~(issue.valid & drain.valid & (issue.bank == drain.bank))),
        Assert(~(issue.valid & priming)),
        # With one bank nothing is issued until it is drained.
        Assert(~(issue.valid & draining) if one_bank else Const(1)),
        # What carries the induction: the bank being drained is never the one being filled.
        Assert(Const(1) if one_bank else ~draining | (drain.bank != opened.value("bank"))),
        Assert(~drain.bank if one_bank else Const(1)),
        Assert(~(draining & priming)),
        Assert(~priming | idle),
        Assert(drain.slot < readout.config.slots),
        Assert(opened.value("last", "readout") == (drain.slot == readout.config.slots - 1)),
        Assert(readout.free | ~opened.value("finish")),
    ]


def test_no_bank_is_filled_and_drained_in_one_cycle():
    m = Module()
    for name, lanes, working in (
        ("zero_skip_conv", "column0", ("busy",)),
        ("zero_skip_linear", "lanes", ("looking", "fetching")),
    ):
        component = small(name)
        opened = surround(m, component, name)
        idle = ~sum(opened.value(signal) for signal in working).bool()
        _claim_banks(m, opened, lanes, idle)
        if name == "zero_skip_conv":
            assert len(opened.driven("place")) == len(component.config.columns)
            m.d.comb += [Assert(opened.value("busy") | (place == 0)) for place in opened.driven("place")]
        else:
            m.d.comb += Assert(opened.value("fetching") | (opened.value("remaining") == 0))
    assert_proved(m, name="banks", depth=2)


INPUTS, FILTERS = WEIGHT.shape
FORM = FixedPoint(2, 0, True)
WIDE = signed(12)
"""Of numbers that are certain to be exact."""


def _tight_linear(at_most: int, spare_bits: int = 0) -> ZeroSkipLinear:
    """Return a matrix product whose accumulators are as narrow as the compiler makes them, or narrower."""
    source = Tensor("x", (INPUTS, 1, 1), FORM, at_most=at_most, sparse="global")
    width = signed_bits(*accumulator_range(IntegerLinear(WEIGHT.T, BIAS, weight_bits=3), source)) - spare_bits
    target = DenseFormat((FILTERS, 1, 1), FixedPoint(width, 0, True), 2, OUTPUTS)
    entries = EntryFormat((INPUTS, 1, 1), FORM, at_most, tuple(range(INPUTS)))
    table = pack_words(WEIGHT, OUTPUTS, 2, 3)
    return ZeroSkipLinear(ZeroSkipLinearConfig(source=entries, target=target, table=table, bias=BIAS))


def _assume_lawful(m: Module, component: ZeroSkipLinear, at_most: int) -> None:
    """Assume that a frame names each input once at most, and no more of them than a k-WTA leaves."""
    entry, seen, count = component.i.payload, Signal(INPUTS), Signal(range(at_most + 1))
    with m.If(takes(component)):
        m.d.sync += [seen.eq(0), count.eq(0)]
        with m.If(~entry.last):
            m.d.sync += [seen.eq(seen | (entry.active << entry.index)), count.eq(count + entry.active)]
        with m.If(entry.active):
            m.d.comb += [Assume(~seen.bit_select(entry.index, 1)), Assume(count < at_most)]


def _claim_products(m: Module, component: ZeroSkipLinear) -> None:
    """Claim that what comes out is the matrix product of what went in."""
    entry, target = component.i.payload, component.config.target
    weights = Array(Array(Const(int(w), signed(4)) for w in row) for row in WEIGHT)
    sums = []
    for channel in range(FILTERS):
        kept, total = Signal(WIDE, name=f"kept_{channel}"), Signal(WIDE, name=f"total_{channel}")
        m.d.comb += total.eq(kept + Mux(entry.active, weights[entry.index][channel] * entry.value, 0))
        with m.If(takes(component)):
            m.d.sync += kept.eq(Mux(entry.last, 0, total))
        sums.append((total + int(BIAS[channel]))[: target.form.width])
    slots = [sums[channel] if channel >= 0 else Const(0, target.form.width) for channel in OUTPUTS]
    beats = [Cat(slots[n : n + 2]) for n in range(0, len(slots), 2)]
    golden = Golden(
        m,
        bits=target.payload.size,
        places=16,
        items=beats,
        number=len(beats),
        join=takes(component) & entry.last,
        leave=leaves(component),
    )
    golden.claim_output(m, component.o.valid, raw(component.o))


def _claim_exact(m: Module, opened: Opened) -> None:
    """Claim that every accumulator holds the exact sum of the products that it was given."""
    lanes = opened.parts["lanes"]
    config, issue, drain = lanes.config, lanes.issue, lanes.drain
    value = delayed(m, issue.value, 3, reset_less=True)[-1].as_signed()
    word = delayed(m, lanes.word, 2, reset_less=True)[-1]
    filled = delayed(m, issue.valid, 3)[-1]
    drained, drained_slot = (delayed(m, signal, 3)[-1] for signal in (drain.valid, drain.slot))
    for lane in range(config.lanes):
        field = word.word_select(lane, config.lane_bits)
        weight, place = field[: config.weight_bits].as_signed(), field[config.weight_bits :]
        for slot, row in enumerate(opened.rows(f"lanes.bank{lane}")):
            exact = Signal(WIDE, name=f"exact_{lane}_{slot}", reset_less=True)
            with m.If(drained):
                with m.If(drained_slot == slot):
                    m.d.sync += exact.eq(0)
            with m.Elif(filled & (place == slot)):
                m.d.sync += exact.eq(exact + weight * value)
            m.d.comb += Assert(exact == row)


def _cycles(component: ZeroSkipLinear, frames: int) -> int:
    """Return how long it takes from power-up until the sums of some full frames are out."""
    config = component.config
    arrivals = np.full(frames * config.source.at_most, config.target.groups)
    return int(config.timing(arrivals).offered[-1]) + 1


@pytest.mark.slow_proof
def test_no_partial_sum_overflows():
    m = Module()
    component = _tight_linear(at_most=2)
    opened = surround(m, component)
    _assume_lawful(m, component, at_most=2)
    _claim_exact(m, opened)
    # Bounded: two frames, or one before a reset in any cycle and one after it.
    assert_proved(m, name="sums", mode="bmc", depth=16)


@pytest.mark.slow_proof
def test_one_bit_less_would_overflow():
    m = Module()
    component = _tight_linear(at_most=2, spare_bits=1)
    opened = surround(m, component)
    _assume_lawful(m, component, at_most=2)
    _claim_exact(m, opened)
    assert not prove(m, name="sums", mode="bmc", depth=12).passed


@pytest.mark.slow_proof
def test_what_comes_out_is_the_matrix_product():
    m = Module()
    component = _tight_linear(at_most=2)
    surround(m, component)
    _assume_lawful(m, component, at_most=2)
    _claim_products(m, component)
    m.d.comb += Assume(~ResetSignal("sync"))
    # Bounded: until the sums of two frames of two entries are out, with a pause.
    assert_proved(m, name="products", mode="bmc", depth=_cycles(component, frames=2) + 1)


@pytest.mark.slow_proof
def test_a_frame_after_a_reset_at_any_time_is_right():
    m = Module()
    component = _tight_linear(at_most=1)
    opened = surround(m, component)
    _assume_lawful(m, component, at_most=1)
    _claim_products(m, component)
    _claim_exact(m, opened)
    # Bounded: until the sums of the frame after a reset in the first cycles are out.
    cycles = component.config.target.groups + 1
    assert_proved(m, name="reset", mode="bmc", depth=cycles + _cycles(component, frames=1) + 1)
