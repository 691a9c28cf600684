"""Outputs leave in the order of the frames, whichever instance finishes first."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.numerics import FixedPoint
from hdl.replication.gather import Gather, GatherConfig, gather_frames
from hdl.streams.formats import DenseFormat

S8 = FixedPoint(8, 0, True)
TABLE = {
    "one instance": (DenseFormat.natural((1, 2, 2), S8, 1), 1),
    "two": (DenseFormat.natural((4, 1, 1), S8, 2), 2),
    "three, frames of a beat": (DenseFormat.natural((2, 1, 1), S8, 2), 3),
    "five": (DenseFormat.natural((7, 1, 1), S8, 1), 5),
}
FRAMES = 25
BUDGET = 4000


def _play(config, source_open, ready):
    component = Gather(config)
    rng = np.random.default_rng(11)
    beats = config.target.beats
    chosen = rng.integers(0, config.instances, FRAMES).tolist()
    queues = [[] for _ in range(config.instances)]
    for frame, k in enumerate(chosen):
        queues[k] += [(frame * beats + n) & (1 << config.buffer.bits) - 1 for n in range(beats)]
    expected = gather_frames(queues, chosen, beats)
    sent, pending, got, cycles, named = [0] * config.instances, [False] * config.instances, [], [], 0

    async def bench(ctx):
        nonlocal named
        waiting = None
        for cycle in range(BUDGET):
            if len(got) == len(expected):
                return
            ctx.set(component.chosen.valid, named < FRAMES)
            ctx.set(component.chosen.payload, chosen[min(named, FRAMES - 1)])
            for k, port in enumerate(component.i):
                pending[k] = sent[k] < len(queues[k]) and (pending[k] or source_open())
                ctx.set(port.valid, pending[k])
                if pending[k]:
                    ctx.set(port.payload.as_value(), queues[k][sent[k]])
            ctx.set(component.o.ready, is_open := ready())
            valid, payload = ctx.get(component.o.valid), ctx.get(component.o.payload.as_value())
            assert waiting is None or (valid and payload == waiting), "a beat changed while it waited"
            waiting = payload if valid and not is_open else None
            if valid and is_open:
                got.append(payload)
                cycles.append(cycle)
            taken = [p and ctx.get(port.ready) for p, port in zip(pending, component.i, strict=True)]
            named += named < FRAMES and ctx.get(component.chosen.ready)
            await ctx.tick()
            for k in range(config.instances):
                sent[k] += taken[k]
                pending[k] &= not taken[k]
        raise AssertionError(f"{len(got)} of {len(expected)} beats came")

    sim = Simulator(component)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert got == expected
    return cycles


@pytest.mark.parametrize("stall", ["none", "source", "sink", "both"])
@pytest.mark.parametrize("name", TABLE)
def test_outputs_leave_in_the_order_of_the_frames(name, stall):
    config = GatherConfig(target=TABLE[name][0], instances=TABLE[name][1], frames=4)
    rng = np.random.default_rng(5)
    cycles = _play(
        config,
        lambda: stall in ("none", "sink") or rng.random() < 0.5,
        lambda: stall in ("none", "source") or rng.random() < 0.5,
    )
    if stall == "none":
        beats = FRAMES * config.cycles_per_frame
        assert cycles == (config.timing(np.arange(beats)).offered).tolist()


@pytest.mark.parametrize("field", ["instances", "frames"])
def test_impossible_sizes_are_rejected(field):
    with pytest.raises(ValueError, match=f"{field} must be a positive integer, not 0"):
        GatherConfig(**{"target": TABLE["two"][0], "instances": 2, "frames": 4} | {field: 0})
