"""Frames are dealt whole, to instances that have room, and none is lost whatever the instances do."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.numerics import FixedPoint
from hdl.replication.distribute import BUFFERED_FRAMES, Distribute, DistributeConfig, deal_frames
from hdl.streams.formats import DenseFormat

S8 = FixedPoint(8, 0, True)
TABLE = {
    "one instance": (DenseFormat.natural((1, 2, 2), S8, 1), 1),
    "two": (DenseFormat.natural((1, 2, 3), S8, 1, 3), 2),
    "three, frames of a beat": (DenseFormat.natural((2, 1, 1), S8, 2), 3),
    "five": (DenseFormat.natural((3, 2, 2), S8, 2), 5),
}
FRAMES = 23
BUDGET = 3000


class _Turns:
    """Whose frames are, from when instances have room: the first one is instance 0's from the start."""

    def __init__(self, count):
        self.rooms, self.owned = [[True] * count], True
        self.begun, self.gone = [1] + [0] * (count - 1), [0] * count

    def choose(self, ends):
        """Choose for the next frame once one ends, and in every cycle in which none is chosen for it."""
        if ends or not self.owned:
            room = [begun - gone < BUFFERED_FRAMES for begun, gone in zip(self.begun, self.gone, strict=True)]
            self.owned = any(room)
            if self.owned:
                self.rooms.append(room)
                self.begun[deal_frames(self.rooms)[-1]] += 1


def _play(config, source_open, ready):
    """Deal frames; `source_open()` and `ready(k)` say each cycle who moves. Return what passed, and when."""
    component = Distribute(config)
    count, beats = config.instances, config.source.beats
    words = list(range(FRAMES * beats))
    words = [word & (1 << config.buffer.bits) - 1 for word in words]
    outputs, chosen, accepted, offered = [[] for _ in range(count)], [], [], []
    turns = _Turns(count)

    async def bench(ctx):
        pending = False
        for cycle in range(BUDGET):
            if sum(map(len, outputs)) == len(words) == len(accepted):
                return
            pending = len(accepted) < len(words) and (pending or source_open())
            ctx.set(component.i.payload.as_value(), words[min(len(accepted), len(words) - 1)])
            ctx.set(component.i.valid, pending)
            ctx.set(component.chosen.ready, 1)
            open_ports = [ready(k) for k in range(count)]
            for port, is_open in zip(component.o, open_ports, strict=True):
                ctx.set(port.ready, is_open)
            taken = pending and ctx.get(component.i.ready)
            turns.choose(ends=taken and len(accepted) % beats == beats - 1)
            if ctx.get(component.chosen.valid):
                chosen.append(ctx.get(component.chosen.payload))
            for k, port in enumerate(component.o):
                if ctx.get(port.valid) and open_ports[k]:
                    outputs[k].append(ctx.get(port.payload.as_value()))
                    offered.append(cycle)
                    turns.gone[k] += len(outputs[k]) % beats == 0
            await ctx.tick()
            if taken:
                accepted.append(cycle)
                pending = False
        raise AssertionError(f"{len(accepted)} of {len(words)} beats passed")

    sim = Simulator(component)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    owners = deal_frames(turns.rooms)[:FRAMES]
    dealt = [[word for n in range(FRAMES) if owners[n] == k
              for word in words[n * beats : (n + 1) * beats]] for k in range(count)]  # fmt: skip
    assert chosen == owners
    assert outputs == dealt
    return chosen, np.array(accepted), np.array(offered)


@pytest.mark.parametrize("stall", ["none", "source", "sink", "both"])
@pytest.mark.parametrize("name", TABLE)
def test_every_frame_reaches_the_instance_that_was_chosen(name, stall):
    config = DistributeConfig(source=TABLE[name][0], instances=TABLE[name][1])
    rng = np.random.default_rng(3)
    chosen, accepted, offered = _play(
        config,
        lambda: stall in ("none", "sink") or rng.random() < 0.5,
        lambda k: stall in ("none", "source") or rng.random() < 0.5,
    )
    if stall in ("none", "source"):
        assert chosen == [n % config.instances for n in range(FRAMES)]
        timing = config.timing(accepted)
        assert np.array_equal(accepted, timing.accepted) and np.array_equal(offered, timing.offered)
    if stall == "none":
        assert accepted[-1] + 1 == FRAMES * config.cycles_per_frame


def test_a_slow_instance_does_not_keep_the_others_waiting():
    config = DistributeConfig(source=TABLE["five"][0], instances=5)
    rng = np.random.default_rng(4)
    chosen, _, _ = _play(config, lambda: True, lambda k: k != 2 or rng.random() < 0.02)
    shares = np.bincount(chosen, minlength=5)
    assert shares[2] < min(np.delete(shares, 2))


def test_no_instances_are_rejected():
    with pytest.raises(ValueError, match="instances must be a positive integer, not 0"):
        DistributeConfig(source=TABLE["two"][0], instances=0)
