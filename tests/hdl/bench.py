"""Drive one component in Amaranth's simulator, check the stream rules, and note when beats pass."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from amaranth.lib import stream, wiring
from amaranth.sim import Simulator

from hdl.streams.timing import Timing

STALLS = ("none", "source", "sink", "both")


@dataclass(frozen=True)
class Run:
    """What came out of a component, and when.

    `accepted[n]` and `offered[m]` are the cycles in which input beat n passed and output beat m was
    first valid.
    """

    beats: list[int]
    accepted: np.ndarray
    offered: np.ndarray

    def keeps_to(self, timing: Timing) -> bool:
        """Return whether every beat passed in the cycle in which it should have."""
        pairs = zip((self.accepted, self.offered), timing, strict=True)
        return all(np.array_equal(seen, stated) for seen, stated in pairs)


def run_stream(
    component: wiring.Component, beats: list[int], outputs: int, *, stall: str = "none", seed: int = 0,
    budget: int = 20_000, settle: int = 0, hold: int = 1, holders: int = 1,
) -> Run:
    """Feed all raw payloads to port `i` and collect at least `outputs` raw payloads from port `o`.

    `stall` is one of `STALLS`: which side pauses at random. Fails if an offered payload changes or is
    withdrawn before it passes, or if `budget` cycles are not enough. Cycles count from `settle` cycles after
    the reset. The sink keeps each beat for `hold` cycles, and `holders` beats at once.
    """
    source_rng, sink_rng = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    result: list[int] = []
    accepted: list[int] = []
    offered: list[int] = []
    sim = Simulator(component)
    sim.add_clock(1e-6)

    async def bench(ctx):
        pending, waiting, sent, cycle = False, None, 0, 0
        free_at = deque([0] * holders, maxlen=holders)
        for _ in range(settle):
            await ctx.tick()
        while len(result) < outputs or sent < len(beats):
            passed = f"{sent} of {len(beats)} beats in, {len(result)} of {outputs} out"
            assert cycle < budget, f"{passed} after {budget} cycles"
            if not pending and sent < len(beats):
                pending = stall not in ("source", "both") or source_rng.random() < 0.5
                if pending:
                    ctx.set(_raw(component.i), beats[sent])
            ctx.set(component.i.valid, pending)
            ready = cycle >= free_at[0] and (stall not in ("sink", "both") or sink_rng.random() < 0.5)
            ctx.set(component.o.ready, ready)
            taken = pending and ctx.get(component.i.ready)
            valid, payload = ctx.get(component.o.valid), ctx.get(_raw(component.o))
            if waiting is not None:
                assert valid, f"cycle {cycle}: valid fell before the payload passed"
                assert payload == waiting, f"cycle {cycle}: payload changed while it waited"
            elif valid:
                offered.append(cycle)
            waiting = payload if valid and not ready else None
            if valid and ready:
                result.append(payload)
                free_at.append(cycle + hold)
            await ctx.tick()
            if taken:
                accepted.append(cycle)
                sent, pending = sent + 1, False
            cycle += 1

    sim.add_testbench(bench)
    sim.run()
    return Run(result, np.array(accepted), np.array(offered))


def _raw(port: stream.Interface):
    payload = port.payload
    return payload.as_value() if hasattr(payload, "as_value") else payload
