"""Play frames into a whole design in Amaranth's simulator: slow, but nothing is emitted or compiled."""

import numpy as np
from amaranth.sim import Simulator

from hdl.accelerator import Accelerator

__all__ = ["simulate"]


def simulate(accelerator: Accelerator, frames: np.ndarray, stall: float, budget: int = 30_000) -> list[int]:
    """Play frames through the AXI ports and return the words that leave, both sides stalling at random."""
    rng = np.random.default_rng(5)
    words = [word for frame in frames for word in accelerator.ingress.encode(frame)]
    last = accelerator.design.source.beats
    wanted, got = len(frames) * accelerator.egress.beats, []
    sim = Simulator(accelerator)
    sim.add_clock(1e-6)

    async def bench(ctx):
        sent, pending = 0, False
        for _ in range(budget):
            assert not ctx.get(accelerator.frame_error)
            if len(got) == wanted:
                return
            pending = pending or (sent < len(words) and rng.random() >= stall)
            ctx.set(accelerator.s_axis_tvalid, pending)
            ctx.set(accelerator.s_axis_tdata, words[min(sent, len(words) - 1)])
            ctx.set(accelerator.s_axis_tlast, (sent + 1) % last == 0)
            ctx.set(accelerator.m_axis_tready, ready := rng.random() >= stall)
            taken = pending and ctx.get(accelerator.s_axis_tready)
            if ready and ctx.get(accelerator.m_axis_tvalid):
                got.append(ctx.get(accelerator.m_axis_tdata))
            await ctx.tick()
            if taken:
                sent, pending = sent + 1, False

    sim.add_testbench(bench)
    sim.run()
    return got
