"""Readers and writers move every word once, in bursts that the standard allows, and report errors."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.axi.bursts import BurstsConfig, split_into_bursts
from hdl.axi.memory_reader import MemoryReader, MemoryReaderConfig
from hdl.axi.memory_writer import MemoryWriter, MemoryWriterConfig
from tests.hdl.axi.memories import serve_reads, serve_writes

BURSTS = {
    "long bursts": BurstsConfig(word_bits=64, burst_words=8, count_bits=20),
    "single words": BurstsConfig(word_bits=32, burst_words=1, count_bits=20),
    "up to a page": BurstsConfig(word_bits=512, burst_words=64, count_bits=20),
}
SLVERR, DECERR = 2, 3
BUDGET = 4000


def _transfers(config):
    """Return (byte address, words) across a boundary of 4 KiB and one of 4 GiB, and of few words."""
    size = config.word_bytes
    return [(4096 - 3 * size, 11), ((1 << 32) - 5 * size, 9), (0, 1), (1 << 40, 2 * config.burst_words + 1)]


async def _hand_over(ctx, port, values):
    """Give values to a stream, one after the other."""
    for value in values:
        ctx.set(port.payload, value)
        ctx.set(port.valid, 1)
        await ctx.tick().until(port.ready)
    ctx.set(port.valid, 0)


def _simulate(component, *testbenches, bench):
    sim = Simulator(component)
    sim.add_clock(1e-6)
    for testbench in testbenches:
        sim.add_testbench(testbench, background=True)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("name", BURSTS)
def test_words_are_read_in_order(name, stall):
    config = BURSTS[name]
    reader = MemoryReader(MemoryReaderConfig(bursts=config, depth=config.burst_words + 3))
    rng = np.random.default_rng(41)
    transfers = _transfers(config)
    addresses = [at + config.word_bytes * n for at, words in transfers for n in range(words)]
    content = {address: int(rng.integers(1 << 31)) for address in addresses}
    serve, bursts = serve_reads(reader.bus, content, {}, stall)
    got = []

    async def ask(ctx):
        await _hand_over(ctx, reader.i, [{"address": at, "words": words} for at, words in transfers])

    async def bench(ctx):
        for _ in range(BUDGET):
            ctx.set(reader.o.ready, ready := rng.random() >= stall)
            if ready and ctx.get(reader.o.valid):
                got.append(ctx.get(reader.o.payload))
            if len(got) == len(addresses):
                break
            await ctx.tick()
        assert ctx.get(reader.fault) == 0

    _simulate(reader, serve, ask, bench=bench)
    assert got == [content[address] for address in addresses]
    assert bursts == [burst for transfer in transfers for burst in split_into_bursts(config, *transfer)]


@pytest.mark.parametrize("response", [SLVERR, DECERR])
def test_the_first_wrong_answer_to_a_read_is_kept_until_cleared(response):
    config = BURSTS["long bursts"]
    reader = MemoryReader(MemoryReaderConfig(bursts=config, depth=16))
    serve, _ = serve_reads(reader.bus, {}, {8 * 5: response, 8 * 6: 5 - response}, 0)

    async def bench(ctx):
        ctx.set(reader.o.ready, 1)
        for bad, start in ((True, 0), (False, 4096)):
            ctx.set(reader.clear, 1)
            await ctx.tick()
            ctx.set(reader.clear, 0)
            await _hand_over(ctx, reader.i, [{"address": start, "words": 8}])
            await ctx.tick().repeat(40)
            assert ctx.get(reader.fault) == (response if bad else 0)
            assert ctx.get(reader.fault_word) == (5 if bad else 8)

    _simulate(reader, serve, bench=bench)


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("name", BURSTS)
def test_words_are_written_where_they_belong(name, stall):
    config = BURSTS[name]
    writer = MemoryWriter(MemoryWriterConfig(bursts=config, depth=config.burst_words + 2))
    rng = np.random.default_rng(43)
    transfers = _transfers(config)
    addresses = [at + config.word_bytes * n for at, words in transfers for n in range(words)]
    expected = {address: int(rng.integers(1 << 31)) for address in addresses}
    content = {}
    serve, bursts = serve_writes(writer.bus, content, {}, stall)
    answered = []

    async def ask(ctx):
        await _hand_over(ctx, writer.i, [{"address": at, "words": words} for at, words in transfers])

    async def feed(ctx):
        for address in addresses:
            while rng.random() < stall:
                await ctx.tick()
            await _hand_over(ctx, writer.words, [expected[address]])

    async def bench(ctx):
        for _ in range(BUDGET):
            if ctx.get(writer.written):
                answered.append(len(content))
            if len(answered) == len(transfers):
                break
            await ctx.tick()
        assert ctx.get(writer.fault) == 0

    _simulate(writer, serve, ask, feed, bench=bench)
    assert content == expected
    assert answered == np.cumsum([words for _, words in transfers]).tolist()
    assert bursts == [burst for transfer in transfers for burst in split_into_bursts(config, *transfer)]


@pytest.mark.parametrize("response", [SLVERR, DECERR])
def test_the_first_wrong_answer_to_a_write_is_kept_until_cleared(response):
    config = BURSTS["single words"]
    writer = MemoryWriter(MemoryWriterConfig(bursts=config, depth=4))
    serve, _ = serve_writes(writer.bus, {}, {4: response, 8: 5 - response}, 0)

    async def feed(ctx):
        await _hand_over(ctx, writer.words, range(8))

    async def bench(ctx):
        for bad, start in ((True, 0), (False, 4096)):
            ctx.set(writer.clear, 1)
            await ctx.tick()
            ctx.set(writer.clear, 0)
            await _hand_over(ctx, writer.i, [{"address": start, "words": 4}])
            await ctx.tick().until(writer.written)
            assert ctx.get(writer.fault) == (response if bad else 0)

    _simulate(writer, serve, feed, bench=bench)


@pytest.mark.parametrize("kind", [MemoryReaderConfig, MemoryWriterConfig])
def test_too_little_room_for_a_burst_is_rejected(kind):
    with pytest.raises(ValueError, match="depth must be at least 8, not 7"):
        kind(bursts=BURSTS["long bursts"], depth=7)
