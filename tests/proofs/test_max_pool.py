"""Max pool: every window's maximum comes out once, in order, whatever came before."""

from functools import reduce

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value

from hdl.numerics import FixedPoint
from hdl.pool.max_pool import PLACES, MaxPool, MaxPoolConfig
from hdl.streams.formats import DenseFormat
from tests.proofs.claims import Golden, assert_proved, contents, leaves, raw, surround, takes
from tests.proofs.opened import Opened

SIGNED, UNSIGNED = FixedPoint(3, 0, True), FixedPoint(2, 0, False)
# form, channels, lanes, height, width, kernel
CASES = {
    "even": (SIGNED, 1, 1, 4, 4, (2, 2)),
    "remainder": (UNSIGNED, 1, 1, 3, 5, (2, 2)),
    "groups": (SIGNED, 3, 2, 2, 4, (2, 2)),
    "tall": (UNSIGNED, 2, 1, 3, 3, (3, 1)),
    "wide": (SIGNED, 1, 1, 2, 3, (1, 3)),
    "single": (UNSIGNED, 1, 1, 1, 1, (1, 1)),
}


def _larger(one: Value, other: Value, form: FixedPoint) -> Value:
    def number(value: Value) -> Value:
        return value.as_signed() if form.signed else value

    return Mux(number(one) > number(other), one, other)


def _best(beats: list[Value], form: FixedPoint) -> Value:
    """Return the maximum of beats, lane by lane."""
    width = form.width
    lanes = [[beat[n : n + width] for beat in beats] for n in range(0, len(beats[0]), width)]
    return Cat(reduce(lambda one, other: _larger(one, other, form), lane) for lane in lanes)


def test_every_window_sends_its_maximum_once_and_in_order():
    m = Module()
    for name, case in CASES.items():
        _claim_pooled(m, name, *case)
    assert_proved(m, name="max_pool", depth=2)


def _claim_pooled(
    m: Module, name: str, form: FixedPoint, channels: int, lanes: int, height: int, width: int, kernel: tuple
) -> None:
    source = DenseFormat.natural((channels, height, width), form, lanes)
    stage = MaxPool(MaxPoolConfig(source=source, kernel=kernel))
    opened = surround(m, stage, name)
    # The frame as it came, and how much of it there is.
    frame = [Signal(source.payload.size, name=f"{name}_beat_{n}") for n in range(source.beats)]
    number = Signal(range(source.beats + 1), name=f"{name}_number")
    beat, maximum, ends = raw(stage.i), Signal(source.payload.size), Signal()
    with m.If(takes(stage)):
        m.d.sync += number.eq(Mux(number == source.beats - 1, 0, number + 1))
    windows = _windows(source, kernel)
    for place, register in enumerate(frame):
        with m.If(takes(stage) & (number == place)):
            m.d.sync += register.eq(beat)
    for members in windows.values():
        with m.If(number == members[-1]):
            m.d.comb += ends.eq(1)
            m.d.comb += maximum.eq(_best([*(frame[n] for n in members[:-1]), beat], form))
    golden = Golden(
        m, bits=source.payload.size, places=PLACES, items=[maximum], number=1, join=takes(stage) & ends,
        leave=leaves(stage),
    )  # fmt: skip
    level, beats = contents(opened, "queue.fifo")
    arriving, payload = opened.value("queue").i.valid, opened.value("queue").i.payload
    credit = opened.driven("credit")[0]
    golden.claim_output(m, stage.o.valid, raw(stage.o))
    golden.claim_holds(m, 0, level, beats)
    golden.claim_holds(m, level, arriving, [payload])
    m.d.comb += [
        Assert(golden.count == level + arriving), Assert(number < source.beats),
        # Nothing is taken that the queue has no room for.
        Assert(credit == PLACES - golden.count), Assert(opened.value("some") == (credit != 0)),
    ]  # fmt: skip
    _claim_partial(m, opened, number, frame, windows)


def _windows(source: DenseFormat, kernel: tuple[int, int]) -> dict[tuple[int, int, int], list[int]]:
    """Return the beats of each window and group: by row, column and group, in the order of arrival."""
    _, height, width = source.shape
    tall, wide = kernel
    return {
        (row, column, group): [
            ((row * tall + y) * width + column * wide + x) * source.groups + group
            for y in range(tall)
            for x in range(wide)
        ]
        for row in range(height // tall)
        for column in range(width // wide)
        for group in range(source.groups)
    }


def _claim_partial(m: Module, opened: Opened, number: Signal, frame: list[Signal], windows: dict) -> None:
    """Claim where the walk through a frame is, and that open windows hold the maximum of what has come.

    They hold it with what is about to be written.
    """
    config = opened.component.config
    source, (tall, wide) = config.source, config.kernel
    place, write = opened.value("place"), opened.value("write")
    rows = [
        Mux(write.en & (write.addr == row), Value.cast(write.data), kept)
        for row, kept in enumerate(opened.rows("partial"))
    ]
    counters = opened.driven("number")
    for now in range(source.beats):
        pixel, group = divmod(now, source.groups)
        row, column = divmod(pixel, source.shape[2])
        inside = column < source.shape[2] // wide * wide
        with m.If(number == now):
            counts = (group, column, row, column % wide, row % tall)
            m.d.comb += [Assert(counter == count) for counter, count in zip(counters, counts, strict=True)]
            if inside:
                m.d.comb += Assert(place == column // wide * source.groups + group)
            for (top, left, lanes), members in windows.items():
                seen = [frame[member] for member in members if member < now]
                if top == row // tall and 0 < len(seen) < len(members):
                    held = rows[left * source.groups + lanes]
                    m.d.comb += Assert(held == _best(seen, source.form))
