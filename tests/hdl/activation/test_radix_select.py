"""The radix selector finds the k-th largest key, with ties, and exactly when it says."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.activation.radix_select import RadixSelect, RadixSelectConfig

CONFIGS = [
    RadixSelectConfig(key_bits=12, lanes=4, beats=5, k=7),
    RadixSelectConfig(key_bits=9, lanes=17, beats=3, k=51),
    RadixSelectConfig(key_bits=3, lanes=1, beats=9, k=1),
    RadixSelectConfig(key_bits=4, lanes=2, beats=1, k=2),
    RadixSelectConfig(key_bits=6, lanes=5, beats=4, k=20),
]


def _find(config, sets):
    """Sweep over each set of keys as closely as allowed; return (cycle, key) pairs and the due cycles."""
    select = RadixSelect(config)
    found, due = [], []

    async def feed(ctx):
        cycle = 0
        for keys in sets:
            for _ in range(config.digits):
                for number, beat in enumerate(keys):
                    last = int(number == config.beats - 1)
                    ctx.set(select.i.payload, {"last": last, "keys": [int(key) for key in beat]})
                    ctx.set(select.i.valid, 1)
                    await ctx.tick()
                    cycle += 1
                ctx.set(select.i.valid, 0)
                await ctx.tick().repeat(config.gap)
                cycle += config.gap
            due.append(cycle - config.gap - 1 + config.latency)
        await ctx.tick().repeat(config.latency)

    async def watch(ctx):
        cycle = 0
        async for _, _, valid, key in ctx.tick().sample(select.o.valid, select.o.payload):
            if valid:
                found.append((cycle, key))
            cycle += 1

    sim = Simulator(select)
    sim.add_clock(1e-6)
    sim.add_testbench(feed)
    sim.add_testbench(watch, background=True)
    sim.run()
    return found, due


@pytest.mark.parametrize("config", CONFIGS)
def test_the_kth_largest_key_is_found_on_time(config):
    rng = np.random.default_rng(config.lanes)
    shape, most = (config.beats, config.lanes), (1 << config.key_bits) - 1
    sets = [np.zeros(shape), np.full(shape, most), rng.integers(most // 2, most // 2 + 3, shape)]
    sets += [rng.integers(0, most + 1, shape) for _ in range(3)]
    found, due = _find(config, [keys.astype(np.int64) for keys in sets])
    assert [key for _, key in found] == [np.sort(keys, axis=None)[-config.k] for keys in sets]
    assert [cycle for cycle, _ in found] == due


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"key_bits": 0}, "key_bits must be a positive integer, not 0"),
        ({"lanes": 0}, "lanes must be a positive integer, not 0"),
        ({"beats": 0}, "beats must be a positive integer, not 0"),
        ({"k": 0}, "k must be from 1 to 6 keys, not 0"),
        ({"k": 7}, "k must be from 1 to 6 keys, not 7"),
    ],
)
def test_wrong_sizes_are_refused(change, text):
    with pytest.raises(ValueError, match=text):
        RadixSelectConfig(**{"key_bits": 8, "lanes": 2, "beats": 3, "k": 1, **change})
