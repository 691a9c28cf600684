"""Products are exact to the last bit: a million frames, and as many as a register can say."""

import pytest

from hdl.axi.multiply_by_constants import (
    MultiplyByConstants,
    MultiplyByConstantsConfig,
    multiply_by_constants,
)
from tests.hdl.bench import STALLS, run_stream

TABLE = {
    "words of frames": MultiplyByConstantsConfig(bits=32, factors=(16, 1)),
    "odd factors": MultiplyByConstantsConfig(bits=32, factors=(25, 3, 255)),
    "one": MultiplyByConstantsConfig(bits=8, factors=(1,)),
}


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_products_are_exact(name, stall):
    config = TABLE[name]
    most = (1 << config.bits) - 1
    numbers = [min(number, most) for number in (0, 1, 7, 1_000_000, most, most - 1)]
    width = config.product_bits
    expected = [
        sum(product << width * n for n, product in enumerate(multiply_by_constants(config, number)))
        for number in numbers
    ]
    budget = 20 + 6 * len(numbers) * (config.latency + 1)
    run = run_stream(MultiplyByConstants(config), numbers, len(numbers), stall=stall, budget=budget)
    assert run.beats == expected
    if stall in ("none", "source"):
        assert (run.offered - run.accepted == config.latency).all()


@pytest.mark.parametrize("factors", [(), (3, 0)])
def test_factors_that_are_not_positive_are_rejected(factors):
    with pytest.raises(ValueError, match="factors must be positive integers, not"):
        MultiplyByConstantsConfig(bits=8, factors=factors)
