"""Global k-WTA keeps exactly the winners of its definition, in frames of a few elements."""

import pytest
from amaranth.hdl import Assume, Cat, Const, Module, Mux, ResetSignal, Signal

from hdl.activation.global_winners import GlobalWinners, GlobalWinnersConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat, element
from tests.proofs.claims import Golden, assert_proved, leaves, raw, surround, takes

# shape, form, lanes, order, k
CASES = {
    "natural": ((4, 1, 1), FixedPoint(2, 0, False), 2, (0, 1, 2, 3), 2),
    "permuted, signed": ((3, 1, 1), FixedPoint(2, 0, True), 2, (2, 0, -1, 1), 1),
    "pixels": ((2, 1, 2), FixedPoint(1, 0, True), 2, (1, 0), 3),
    "two digits": ((4, 1, 1), FixedPoint(3, 0, False), 2, (0, 1, 2, 3), 2),
}


def _claim_winners(m: Module, component: GlobalWinners) -> None:
    """Claim that each frame comes out with all but its winners zeroed."""
    surround(m, component)
    source, k = component.config.source, component.config.k
    beat, width = raw(component.i), source.form.width
    number = Signal(range(source.beats))
    kept = [Signal(len(beat), name=f"kept_{n}") for n in range(source.beats - 1)]
    last = number == source.beats - 1
    with m.If(takes(component)):
        m.d.sync += number.eq(Mux(last, 0, number + 1))
        for place, register in enumerate(kept):
            with m.If(number == place):
                m.d.sync += register.eq(beat)
    # Each slot of the frame: where its element stands in the tensor, and its value.
    slots = []
    for place, word in enumerate([*kept, beat]):
        pixel, group = divmod(place, source.groups)
        for lane in range(source.lanes):
            channel = source.order[group * source.lanes + lane]
            value = Signal(element(source.form), name=f"value_{place}_{lane}")
            m.d.comb += value.eq(word.word_select(lane, width))
            slots.append((channel * source.pixels + pixel if channel >= 0 else None, value))
    found = []
    for index, value in slots:
        others = [(i, v) for i, v in slots if i is not None]
        above = 0 if index is None else sum((v > value) | ((v == value) & (i < index)) for i, v in others)
        found.append(Mux(above < k, value.as_unsigned(), 0)[:width] if index is not None else Const(0, width))
    beats = [Cat(found[n : n + source.lanes]) for n in range(0, len(found), source.lanes)]
    golden = Golden(
        m, bits=len(beat), places=3 * len(beats), items=beats, number=len(beats),
        join=takes(component) & last, leave=leaves(component),
    )  # fmt: skip
    golden.claim_output(m, component.o.valid, raw(component.o))


@pytest.mark.slow_proof
@pytest.mark.parametrize("case", CASES)
def test_frames_keep_exactly_their_winners(case):
    shape, form, lanes, order, k = CASES[case]
    component = GlobalWinners(GlobalWinnersConfig(source=DenseFormat(shape, form, lanes, order), k=k))
    m = Module()
    _claim_winners(m, component)
    m.d.comb += Assume(~ResetSignal("sync"))
    # Bounded: until the first frame is out, with a pause.
    config = component.config
    assert_proved(m, name="global_winners", mode="bmc", depth=config.latency + 2 * config.source.beats)
