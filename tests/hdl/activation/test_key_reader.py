"""Keys rank the elements of a stored frame as a stable sort by falling value does."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.activation.key_reader import KeyReader, KeyReaderConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat

S3 = FixedPoint(3, 0, True)
FORMATS = {
    "in order": DenseFormat.natural((5, 1, 1), S3, 2),
    "in order, with a hole": DenseFormat((5, 2, 2), S3, 3, (0, -1, 1, 2, 3, 4)),
    "permuted": DenseFormat((5, 2, 2), S3, 3, (4, 0, -1, 2, 1, 3)),
    "one beat": DenseFormat((4, 1, 1), S3, 4, (3, 0, 2, 1)),
}


def _read(config, banks):
    """Step through every bank, with pauses; return the keys and the cycles of steps and of keys."""
    reader = KeyReader(config)
    steps, keys, cycles = [], [], []
    pause = np.random.default_rng(3).integers(0, 3, 4 * config.source.beats)

    async def bench(ctx):
        cycle, bank = 0, 0
        while len(keys) < len(banks) * config.source.beats:
            assert cycle < 200
            step = pause[cycle % len(pause)] > 0 and bank < len(banks)
            ctx.set(reader.step, int(step))
            ctx.set(reader.bank, min(bank, len(banks) - 1))
            address, last = ctx.get(reader.address), ctx.get(reader.last)
            if ctx.get(reader.o.valid):
                keys.append([ctx.get(key) for key in reader.o.payload.keys])
                cycles.append(cycle)
                assert ctx.get(reader.o.payload.last) == (len(keys) % config.source.beats == 0)
            await ctx.tick()
            for number, words in enumerate(banks):
                ctx.set(reader.words[number], words[address])
            if step:
                steps.append(cycle)
                bank += last
            cycle += 1

    sim = Simulator(reader)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return np.array(keys), np.array(steps), np.array(cycles)


@pytest.mark.parametrize("name", FORMATS)
def test_keys_rank_elements_and_padding_comes_last(name):
    source = FORMATS[name]
    config = KeyReaderConfig(source=source)
    frames = [np.full(source.shape, S3.minimum), np.random.default_rng(5).integers(-2, 2, source.shape)]
    keys, steps, cycles = _read(config, [source.encode(frame) for frame in frames])
    assert (cycles - steps == config.latency).all()
    pixels, groups = np.divmod(np.arange(source.beats), source.groups)
    channels = np.array(source.order).reshape(source.groups, source.lanes)[groups]
    places = channels * source.pixels + pixels[:, None]
    for frame, found in zip(frames, keys.reshape(len(frames), source.beats, source.lanes), strict=True):
        assert (found[channels < 0] == 0).all()
        ranked = places[channels >= 0][np.argsort(-found[channels >= 0], kind="stable")]
        assert (ranked == np.argsort(-frame.ravel(), kind="stable")).all()
        assert len(np.unique(found[channels >= 0])) == frame.size
        assert found.max() < 1 << config.key_bits


def test_a_table_is_needed_only_out_of_order():
    in_order = {name for name, source in FORMATS.items() if KeyReaderConfig(source=source).in_order}
    assert in_order == {"in order", "in order, with a hole"}


def test_a_single_bank_is_refused():
    with pytest.raises(ValueError, match="banks must be at least 2, not 1"):
        KeyReaderConfig(source=FORMATS["permuted"], banks=1)
