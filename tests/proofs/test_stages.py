"""Stages that cut pixels up or put them together send exactly what they owe, in order, for ever."""

from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from hdl.numerics import FixedPoint
from hdl.streams.collect import Collect, CollectConfig
from hdl.streams.expand import Expand, ExpandConfig
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.regroup import Regroup, RegroupConfig
from hdl.streams.unpack import Unpack, UnpackConfig
from tests.proofs.claims import Golden, assert_proved, contents, leaves, raw, surround, takes
from tests.proofs.opened import Opened

SIGNED = FixedPoint(2, 0, True)
UNSIGNED = FixedPoint(3, 0, False)


def _owe(m: Module, opened: Opened, items: list[Value], number: Value | int, join: Value | int) -> Golden:
    """Say what each input beat adds to the output; claim that the output is that, and where it lies."""
    stage = opened.component
    golden = Golden(
        m, bits=len(items[0]), places=2 + len(items), items=items, number=number, join=join,
        leave=leaves(stage),
    )  # fmt: skip
    level, beats = contents(opened, "queue.fifo")
    golden.claim_output(m, stage.o.valid, raw(stage.o))
    golden.claim_holds(m, 0, level, beats)
    return golden


def test_regroup_sends_each_slot_once_and_in_order():
    m = Module()
    for lanes, narrow in ((4, 2), (3, 1), (2, 2), (6, 2)):
        _claim_regrouped(m, lanes, narrow)
    assert_proved(m, name="regroup", depth=2)


def _claim_regrouped(m: Module, lanes: int, narrow: int) -> None:
    stage = Regroup(RegroupConfig(source=DenseFormat.natural((lanes, 1, 2), UNSIGNED, lanes), lanes=narrow))
    opened = surround(m, stage, f"regroup_{lanes}_{narrow}")
    bits, parts = stage.config.target.payload.size, stage.config.parts
    beat = raw(stage.i)
    golden = _owe(m, opened, [beat.word_select(n, bits) for n in range(parts)], parts, takes(stage))
    busy, part, held = opened.value("busy"), opened.value("part"), opened.value("held")
    level = opened.parts["queue.fifo"].level
    left = Mux(busy, parts - part, 0)
    golden.claim_holds(m, level, left, [held.word_select(n, bits) for n in range(parts)])
    m.d.comb += [Assert(part < parts), Assert(busy | (part == 0)), Assert(golden.count == level + left)]
    m.d.comb += Assert(opened.value("final") == (part == parts - 1))


def test_collect_sends_each_pixel_once_and_in_order():
    m = Module()
    for number, order in enumerate([(0, 1, 2, 3), (2, -1, 0, 3, 1, -1), (0, -1)]):
        _claim_collected(m, f"collect_{number}", order)
    assert_proved(m, name="collect", depth=2)


def _claim_collected(m: Module, name: str, order: tuple[int, ...]) -> None:
    source = DenseFormat((max(order) + 1, 1, 2), SIGNED, 2, order)
    stage = Collect(CollectConfig(source=source))
    opened = surround(m, stage, name)
    # What has come of the pixel so far.
    group = Signal(range(source.groups + 1))
    slots = Signal(source.payload.size * source.groups)
    complete, beat, bits = Signal(), raw(stage.i), source.payload.size
    m.d.comb += complete.eq(takes(stage) & (group == source.groups - 1))
    with m.If(takes(stage)):
        m.d.sync += group.eq(Mux(complete, 0, group + 1))
        m.d.sync += slots.word_select(group, bits).eq(beat)
    whole = Cat(slots[:-bits] if source.groups > 1 else Cat(), beat)
    pixel = stage.config.target.payload
    owed = Signal(pixel)
    m.d.comb += owed.count.eq(source.shape[0])
    for channel, pair in enumerate(owed.pairs):
        value = whole.word_select(source.order.index(channel), SIGNED.width)
        m.d.comb += [pair.index.eq(channel), pair.value.eq(value)]
    golden = Golden(
        m, bits=pixel.size, places=2, items=[owed.as_value()], number=1, join=complete, leave=leaves(stage)
    )
    golden.claim_output(m, stage.o.valid, raw(stage.o))
    level, beats = contents(opened, "queue.fifo")
    for place, values in enumerate(beats):
        held = pixel(golden.items[place])
        with m.If(place < level):
            m.d.comb += Assert(values == Cat(pair.value for pair in held.pairs))
            m.d.comb += Assert(held.count == source.shape[0])
            m.d.comb += [Assert(pair.index == channel) for channel, pair in enumerate(held.pairs)]
    m.d.comb += [Assert(golden.count == level), Assert(group < source.groups)]
    m.d.comb += Assert(opened.value("group") == group)
    for number in range(source.groups - 1):
        with m.If(number < group):
            m.d.comb += Assert(opened.value("kept")[number] == slots.word_select(number, bits))


def _keep(m: Module, stage: Unpack | Expand) -> data.View:
    """Remember the pixel that came last, as it came; it is one that a k-WTA may send."""
    layout = stage.config.source.payload
    kept = Signal(layout, name="kept")
    with m.If(takes(stage)):
        m.d.sync += kept.eq(stage.i.payload)
        m.d.comb += Assume(_lawful(stage.i.payload))
    m.d.comb += Assert(_lawful(kept))
    return kept


def _lawful(pixel: data.View) -> Value:
    """Whether there are no more winners than places, and no channel wins twice."""
    pairs = list(enumerate(pixel.pairs))
    clash = Cat(
        (rank < pixel.count) & (one.index == other.index) for rank, one in pairs for _, other in pairs[:rank]
    )
    return (pixel.count <= len(pairs)) & ~clash.any()


def _dense(pixel: data.View, slots: int) -> list[Value]:
    """Return the values of the channels, in ascending order."""
    values: list[Value] = [Const(0, SIGNED.width)] * slots
    for rank, pair in enumerate(pixel.pairs):
        for slot in range(slots):
            values[slot] = Mux(
                (rank < pixel.count) & (pair.index == slot), pair.value.as_unsigned(), values[slot]
            )
    return values


def test_expand_sends_each_channel_once_and_in_order():
    m = Module()
    for channels, winners, lanes in ((4, 2, 2), (5, 3, 2), (3, 3, 4), (4, 1, 1)):
        _claim_expanded(m, channels, winners, lanes)
    assert_proved(m, name="expand", depth=2)


def _claim_expanded(m: Module, channels: int, winners: int, lanes: int) -> None:
    stage = Expand(ExpandConfig(source=WinnersFormat((channels, 1, 2), SIGNED, winners), lanes=lanes))
    opened = surround(m, stage, f"expand_{channels}_{winners}")
    kept = _keep(m, stage)
    groups, slots = stage.config.target.groups, len(stage.config.target.order)
    beats = [Cat(_dense(stage.i.payload, slots)[n : n + lanes]) for n in range(0, slots, lanes)]
    golden = _owe(m, opened, beats, groups, takes(stage))
    busy, group, level = opened.value("busy"), opened.value("group"), opened.parts["queue.fifo"].level
    m.d.comb += [Assert(group < groups), Assert(busy | (group == 0))]
    m.d.comb += Assert(golden.count == level + Mux(busy, groups - group, 0))
    with m.If(busy):
        for rank, pair in enumerate(kept.pairs):
            start = Mux(rank < kept.count, pair.index, -1)
            m.d.comb += Assert(opened.value("distances")[rank] == start - group * lanes)
            m.d.comb += Assert(opened.value("values")[rank] == pair.value.as_unsigned())
        held = Signal(slots * SIGNED.width)
        m.d.comb += held.eq(Cat(_dense(kept, slots)) >> (group * lanes * SIGNED.width))
    bits = lanes * SIGNED.width
    left = Mux(busy, groups - group, 0)
    golden.claim_holds(m, level, left, [held.word_select(n, bits) for n in range(groups)])


def test_unpack_sends_each_winner_once_and_in_order():
    m = Module()
    for channels, winners, pixels in ((4, 2, 3), (3, 3, 2), (2, 1, 1)):
        _claim_unpacked(m, channels, winners, pixels)
    assert_proved(m, name="unpack", depth=2)


def _claim_unpacked(m: Module, channels: int, winners: int, pixels: int) -> None:
    stage = Unpack(UnpackConfig(source=WinnersFormat((channels, 1, pixels), SIGNED, winners)))
    opened = surround(m, stage, f"unpack_{channels}_{winners}")
    kept = _keep(m, stage)
    entry = stage.config.target.payload

    def entries(pixel: data.View, number: Value) -> list[Value]:
        """Return what a pixel becomes."""
        made = [Signal(entry) for _ in range(winners)]
        for rank, (one, pair) in enumerate(zip(made, pixel.pairs, strict=True)):
            with m.If(rank < pixel.count):
                m.d.comb += [one.active.eq(1), one.value.eq(pair.value)]
                m.d.comb += one.index.eq(number * channels + pair.index)
            m.d.comb += one.last.eq((number == pixels - 1) & (rank + 1 >= pixel.count))
        return [one.as_value() for one in made]

    def entries_of(count: Value, number: Value) -> Value:
        return Mux(count == 0, number == pixels - 1, count)

    def meant(beat: Value) -> Value:
        return Mux(entry(beat).active, beat, beat & entry.const({"last": 1, "active": 1}).as_value())

    number = Signal(range(pixels + 1))
    with m.If(takes(stage)):
        m.d.sync += number.eq(Mux(number == pixels - 1, 0, number + 1))
    golden = Golden(
        m, bits=entry.size, places=2 + winners, items=entries(stage.i.payload, number),
        number=entries_of(stage.i.payload.count, number), join=takes(stage), leave=leaves(stage),
    )  # fmt: skip
    level, beats = contents(opened, "queue.fifo")
    golden.claim_output(m, stage.o.valid, meant(raw(stage.o)))
    golden.claim_holds(m, 0, level, [meant(beat) for beat in beats])
    busy, left, pixel = opened.value("busy"), opened.value("left"), opened.value("pixel")
    sent = kept.count - left
    m.d.comb += [
        Assert(pixel < pixels),
        Assert(number == Mux(busy, Mux(pixel == pixels - 1, 0, pixel + 1), pixel)),
        Assert(opened.value("first_index") == pixel * channels),
        Assert(golden.count == level + Mux(busy, entries_of(left, pixel), 0)),
    ]
    with m.If(busy):
        pair_bits = len(kept.pairs.as_value()) // winners
        shifted = kept.pairs.as_value() >> (sent * pair_bits)[:4]
        m.d.comb += [
            Assert(left <= kept.count),
            Assert((left != 0) | (kept.count == 0)),
            Assert(Value.cast(opened.value("pairs")) == shifted),
        ]
    held = Cat(entries(kept, pixel)) >> (sent * entry.size)[:6]
    owed = Mux(busy, entries_of(left, pixel), 0)
    golden.claim_holds(m, level, owed, [held.word_select(n, entry.size) for n in range(winners)])
