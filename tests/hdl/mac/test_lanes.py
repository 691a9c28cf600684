"""Paired lanes, two to a multiplier, accumulate exactly what single lanes do."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.mac.lanes import Lanes
from hdl.mac.lanes_config import DEEP, FAR, LanesConfig
from hdl.mac.words import WordTable, pack_words
from hdl.numerics import FixedPoint

LANES = 5
EXTREMES = (-127, -1, 0, 1, 127)


def _table(paired, slots=3, words=60):
    """Return words of five lanes: every pair of extreme weights, then random ones; every other slot twice."""
    rng = np.random.default_rng(1)
    extremes = np.array(np.meshgrid(EXTREMES, EXTREMES)).reshape(2, -1).T
    weight = rng.integers(-127, 128, (words, LANES))
    weight[: len(extremes), 0:2] = weight[: len(extremes), 2:4] = extremes
    slot = np.repeat(rng.integers(0, slots, (len(weight) // 2, LANES)), 2, axis=0)
    slot[-2:] = 0  # the one that is drained first
    ones = np.ones(len(weight), dtype=np.int64)
    return WordTable(weight, slot, np.cumsum(ones) - 1, ones, slots, 8, paired)


def _accumulated(config, table, values):
    """Issue every word once, and return what the slots of each lane hold then."""
    component, held = Lanes(config), np.zeros((config.slots, LANES), dtype=np.int64)
    sim = Simulator(component)
    sim.add_clock(1e-6)

    async def bench(ctx):
        late = config.fetch_latency
        for cycle in range(len(values) + late):
            if cycle < len(values):
                ctx.set(component.issue.value, int(values[cycle]))
                ctx.set(component.issue.valid, 1)
            else:
                ctx.set(component.issue.valid, 0)
            if cycle >= late:
                ctx.set(component.word, table.image[cycle - late])
            await ctx.tick()
        for cycle in range(config.slots + config.drain_latency):
            ctx.set(component.drain.valid, cycle < config.slots)
            ctx.set(component.drain.slot, min(cycle, config.slots - 1))
            if cycle >= config.drain_latency:
                held[cycle - config.drain_latency] = [ctx.get(lane) for lane in component.sums]
            await ctx.tick()

    sim.add_testbench(bench)
    sim.run()
    return held


@pytest.mark.parametrize(
    "banks, slots, words",
    [(1, 3, 60), (2, 3, 60), (1, DEEP + 1, 60), (1, 3, FAR + 2), (1, DEEP + 1, FAR + 2), (2, 3, FAR + 2)],
)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("paired", [False, True], ids=["single", "paired"])
def test_slots_hold_the_exact_sums_of_products(paired, signed, banks, slots, words):
    form, table = FixedPoint(8, 0, signed), _table(paired, slots, words)
    rng = np.random.default_rng(2)
    values = rng.integers(form.minimum, form.maximum + 1, len(table.weight))
    values[:25] = rng.choice([form.minimum, form.maximum], 25)
    expected = np.zeros((slots, LANES), dtype=np.int64)
    for lane in range(LANES):
        np.add.at(expected[:, lane], table.slot[:, lane], table.weight[:, lane] * values)
    config = LanesConfig.for_table(table, form, 24, banks)
    assert (config.deep, config.legs > 0) == (slots > DEEP, banks == 1 and words > FAR)
    assert (_accumulated(config, table, values) == expected).all()


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_every_pair_of_weights_and_activation_has_its_two_products(signed):
    form = FixedPoint(8, 0, signed)
    table = pack_words(np.array([[3, -3]]), (0, 1), 2, 8, paired=True)
    config = LanesConfig.for_table(table, form, 24, 1)
    bits = config.product_bits
    low, high = np.meshgrid(np.arange(-127, 128), np.arange(-127, 128))
    factor = ((high - (low < 0)) << bits) + np.where(low < 0, low + (1 << bits), low)
    assert -(1 << (bits + 7)) <= factor.min() and factor.max() < 1 << (bits + 7)
    for value in range(form.minimum, form.maximum + 1):
        product = factor * value
        field = product & ((1 << bits) - 1)
        assert np.array_equal(field - ((field >> (bits - 1)) << bits), low * value)
        assert np.array_equal((product >> bits) + (field >> (bits - 1)), high * value)


def test_paired_words_are_as_wide_as_single_ones():
    single, paired = _table(False), _table(True)
    assert paired.word_bits == single.word_bits
    assert all(image < 1 << paired.word_bits for image in paired.image)


def test_the_least_weight_cannot_be_paired():
    table = pack_words(np.array([[-128, 5]]), (0, 1), 2, 8)
    with pytest.raises(ValueError, match="weights of paired lanes must be above -128"):
        replace(table, paired=True)
