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


def _read(config, words, sweeps):
    """Step through each frame `sweeps` times, with pauses; return keys, and cycles of steps and of keys."""
    reader = KeyReader(config)
    steps, keys, cycles = [], [], []
    pause = np.random.default_rng(3).integers(0, 3, 64)
    beats = config.source.beats
    total = len(words) * sweeps

    async def bench(ctx):
        cycle = 0
        while len(keys) < total:
            assert cycle < 300
            sweep, beat = divmod(len(steps), beats)
            step = pause[cycle % len(pause)] > 0 and len(steps) < total
            ctx.set(reader.step, int(step))
            ctx.set(reader.again, int((sweep + 1) % sweeps != 0))
            address = ctx.get(reader.address)
            if step:
                assert ctx.get(reader.last) == (beat == beats - 1)
                steps.append(cycle)
            if ctx.get(reader.o.valid):
                assert ctx.get(reader.o.payload.again) == ((len(keys) // beats + 1) % sweeps != 0)
                keys.append([ctx.get(key) for key in reader.o.payload.keys])
                assert ctx.get(reader.o.payload.last) == (len(keys) % beats == 0)
                cycles.append(cycle)
            await ctx.tick()
            ctx.set(reader.word.as_value(), words[address])
            cycle += 1

    sim = Simulator(reader)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return np.array(keys), np.array(steps), np.array(cycles)


@pytest.mark.parametrize("name", FORMATS)
def test_keys_rank_elements_and_padding_comes_last(name):
    source = FORMATS[name]
    config = KeyReaderConfig(source=source, frames=2)
    frames = [np.full(source.shape, S3.minimum), np.random.default_rng(5).integers(-2, 2, source.shape)]
    keys, steps, cycles = _read(config, [beat for frame in frames for beat in source.encode(frame)], 2)
    assert (cycles - steps == config.latency).all()
    pixels, groups = np.divmod(np.arange(source.beats), source.groups)
    channels = np.array(source.order).reshape(source.groups, source.lanes)[groups]
    places = channels * source.pixels + pixels[:, None]
    sweeps = keys.reshape(2 * len(frames), source.beats, source.lanes)
    for frame, found in zip(np.repeat(frames, 2, axis=0), sweeps, strict=True):
        assert (found[channels < 0] == 0).all()
        ranked = places[channels >= 0][np.argsort(-found[channels >= 0], kind="stable")]
        assert (ranked == np.argsort(-frame.ravel(), kind="stable")).all()
        assert len(np.unique(found[channels >= 0])) == frame.size
        assert found.max() < 1 << config.key_bits


def test_a_table_is_needed_only_out_of_order():
    in_order = {name for name, source in FORMATS.items() if KeyReaderConfig(source=source).in_order}
    assert in_order == {"in order", "in order, with a hole"}


def test_a_memory_without_frames_is_refused():
    with pytest.raises(ValueError, match="frames must be a positive integer, not 0"):
        KeyReaderConfig(source=FORMATS["permuted"], frames=0)
