"""Stages whose pipelines defy induction: right for everything that can happen in the first cycles."""

import pytest
from amaranth.hdl import Assume, Cat, Const, Module, Mux, ResetSignal, Signal, Value

from hdl.conv.window import Window, WindowConfig
from hdl.numerics import FixedPoint
from hdl.streams.compact import Compact, CompactConfig
from hdl.streams.formats import DenseFormat
from tests.proofs.claims import Golden, assert_proved, leaves, raw, surround, takes


def _counted(m: Module, step: Value, size: int) -> Signal:
    """Return the number of this step, which goes round."""
    number = Signal(range(size + 1))
    with m.If(step):
        m.d.sync += number.eq(Mux(number == size - 1, 0, number + 1))
    return number


@pytest.mark.slow_proof
@pytest.mark.parametrize(("channels", "lanes", "pixels"), [(2, 2, 2), (3, 2, 1), (1, 1, 2)])
def test_compact_sends_each_nonzero_once_and_in_order(channels, lanes, pixels):
    m = Module()
    source = DenseFormat.natural((channels, 1, pixels), FixedPoint(2, 0, True), lanes)
    stage = Compact(CompactConfig(source=source, at_most=channels * pixels))
    surround(m, stage)
    # Bounded: five cycles in which entries come out.
    depth = stage.config.latency + 5
    number = _counted(m, takes(stage), source.beats)
    entry = stage.config.target.payload
    values = [Value.cast(value) for value in stage.i.payload]
    nonzero = [value.any() for value in values]
    items = []
    for rank in range(lanes):
        # The lane with `rank` nonzeros below it.
        item = Signal(entry, name=f"entry_{rank}")
        for lane, value in enumerate(values):
            with m.If(nonzero[lane] & (sum(nonzero[:lane]) == rank)):
                m.d.comb += [item.active.eq(1), item.index.eq(number * lanes + lane), item.value.eq(value)]
        m.d.comb += item.last.eq((number == source.beats - 1) & (sum(nonzero) <= rank + 1))
        items.append(item.as_value())
    owed = Mux(sum(nonzero) == 0, number == source.beats - 1, sum(nonzero))
    golden = Golden(
        m,
        bits=entry.size,
        places=lanes * depth,
        items=items,
        number=owed,
        join=takes(stage),
        leave=leaves(stage),
    )
    sent = Mux(stage.o.payload.active, raw(stage.o), stage.o.payload.last)
    golden.claim_output(m, stage.o.valid, sent)
    assert_proved(m, name="compact", mode="bmc", depth=depth)


# height, width, kernel, padding, cycles that a window is held, cycles until the windows of two frames are out
WINDOWS = {
    "plain": (2, 3, (2, 2), (0, 0, 0, 0), 1, 18),
    "padded": (2, 2, (2, 2), (1, 0, 0, 1), 1, 16),
    "column": (2, 2, (2, 1), (0, 1, 0, 0), 1, 15),
    "resting": (2, 2, (2, 1), (0, 0, 0, 0), 2, 14),
}


def _pixels(config: WindowConfig, row: int, column: int) -> list[int | None]:
    """Return the pixels of a window; None where padding is."""
    pixels = []
    for tap in range(config.taps):
        y = row + tap // config.kernel[1] - config.padding[0]
        x = column + tap % config.kernel[1] - config.padding[2]
        inside = 0 <= y < config.height and 0 <= x < config.width
        pixels.append(y * config.width + x if inside else None)
    return pixels


@pytest.mark.slow_proof
@pytest.mark.parametrize("case", WINDOWS)
def test_window_sends_each_window_once_and_in_order(case):
    height, width, kernel, padding, hold, depth = WINDOWS[case]
    stage = Window(
        WindowConfig(
            bits=1, height=height, width=width, kernel=kernel, padding=padding, hold_cycles=hold
        )
    )  # fmt: skip
    config, m = stage.config, Module()
    surround(m, stage)
    m.d.comb += Assume(~ResetSignal("sync"))
    number = _counted(m, takes(stage), height * width)
    kept = [Signal(1, name=f"kept_{n}") for n in range(height * width)]
    pixel = [Mux(number == n, raw(stage.i), register) for n, register in enumerate(kept)]
    for place, register in enumerate(kept):
        with m.If(takes(stage) & (number == place)):
            m.d.sync += register.eq(raw(stage.i))
    # A window is owed once its last pixel has come, and every window before it is owed.
    due: dict[int, list[Value]] = {n: [] for n in range(height * width)}
    latest = 0
    for row in range(config.rows):
        for column in range(config.columns):
            taps = _pixels(config, row, column)
            latest = max([latest, *(n for n in taps if n is not None)])
            due[latest].append(Cat(Const(0, 1) if n is None else pixel[n] for n in taps))
    most = max(map(len, due.values()))
    items = [Signal(config.taps, name=f"window_{n}") for n in range(most)]
    owed = Signal(range(most + 1))
    for place, windows in due.items():
        with m.If(number == place):
            m.d.comb += owed.eq(len(windows))
            m.d.comb += [item.eq(window) for item, window in zip(items, windows, strict=False)]
    golden = Golden(
        m, bits=config.taps, places=24, items=items, number=owed, join=takes(stage), leave=leaves(stage)
    )
    golden.claim_output(m, stage.o.valid, raw(stage.o))
    assert_proved(m, name="window", mode="bmc", depth=depth)
