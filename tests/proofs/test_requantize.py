"""Every accumulator is scaled, rounded and saturated as the specification says; all of them, not samples."""

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value, signed

from hdl.activation.requantize import Requantize, RequantizeConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from tests.proofs.claims import assert_proved, claim_conserved, delayed, leaves, surround, takes

# accumulator, activation, multiplier, shift
CASES = {
    "halves": (FixedPoint(12, 0, True), FixedPoint(8, 0, True), 1, 1),
    "power of two": (FixedPoint(24, 0, True), FixedPoint(8, 0, False), 1, 9),
    "multiplier": (FixedPoint(10, 0, True), FixedPoint(8, 0, False), 77, 8),
    "signed multiplier": (FixedPoint(10, 0, True), FixedPoint(4, 0, True), 205, 11),
    "unsigned source": (FixedPoint(9, 0, False), FixedPoint(5, 0, False), 3, 2),
    "no shift": (FixedPoint(6, 0, True), FixedPoint(8, 0, True), 1, 0),
    "no shift, saturates": (FixedPoint(6, 0, True), FixedPoint(3, 0, False), 5, 0),
    "shifted out": (FixedPoint(8, 0, True), FixedPoint(8, 0, True), 1, 20),
    "widest": (FixedPoint(40, 0, True), FixedPoint(8, 0, True), 1 << 20, 32),
    "one bit": (FixedPoint(5, 0, True), FixedPoint(1, 0, False), 3, 3),
}
LANES = 2


def _specified(m: Module, value: Value, config: RequantizeConfig) -> Value:
    """Compute what `hdl.numerics.requantize` does, in numbers too wide to overflow."""
    scaled, rounded = Signal(signed(80)), Signal(signed(80))
    m.d.comb += [
        scaled.eq(value * config.multiplier),
        rounded.eq((scaled + ((1 << config.shift) >> 1)) >> config.shift),
    ]
    low, high = config.form.minimum, config.form.maximum
    return Mux(rounded < low, low, Mux(rounded > high, high, rounded))[: config.form.width]


def _claim(m: Module, name: str) -> int:
    """Claim that one requantizer does as specified and never overruns its queue; return its latency."""
    acc, form, multiplier, shift = CASES[name]
    source = DenseFormat.natural((LANES, 1, 1), acc, LANES)
    stage = Requantize(RequantizeConfig(source=source, form=form, multiplier=multiplier, shift=shift))
    opened = surround(m, stage, name.replace(" ", "_"))
    pipeline = stage.config.latency - 1
    entered = delayed(m, takes(stage), pipeline)
    expected = delayed(m, Cat(_specified(m, value, stage.config) for value in stage.i.payload), pipeline)
    queue = opened.parts["queue"]
    m.d.comb += Assert(queue.i.valid == entered[-1])
    with m.If(entered[-1]):
        m.d.comb += [Assert(queue.i.payload == expected[-1]), Assert(queue.i.ready)]
    level, credit, depth = opened.parts["queue.fifo"].level, opened.value("credit"), opened.value("depth")
    claim_conserved(m, "claimed", depth - credit, depth, takes(stage), leaves(stage))
    m.d.comb += [
        Assert(depth - credit == level + sum(entered[1:])),
        Assert(opened.value("some") == (credit != 0)),
    ]
    return stage.config.latency


def test_every_accumulator_becomes_what_is_specified():
    m = Module()
    latencies = [_claim(m, name) for name in CASES]
    assert_proved(m, name="requantize", depth=max(latencies) + 1)
