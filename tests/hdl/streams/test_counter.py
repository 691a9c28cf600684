"""Counters nest: one's end of a round is the next one's step."""

from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hdl.streams.counter import count_rounds


def test_nested_counters_walk_a_frame():
    m = Module()
    step = Signal()
    column, end_of_row = count_rounds(m, 3, step)
    row, end_of_frame = count_rounds(m, 2, end_of_row)
    pair, _ = count_rounds(m, 2, step, restart=end_of_row)
    seen = []

    async def bench(ctx):
        for cycle in range(24):
            ctx.set(step, cycle % 2)
            if cycle % 2:
                seen.append((ctx.get(row), ctx.get(column), ctx.get(pair), ctx.get(end_of_frame)))
            await ctx.tick()

    sim = Simulator(m)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    frame = [
        (row, column, column % 2, int((row, column) == (1, 2))) for row in range(2) for column in range(3)
    ]
    assert seen == 2 * frame
