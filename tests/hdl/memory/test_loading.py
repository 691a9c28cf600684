"""Memories on a chain take what is theirs; what was not whole is noticed, whatever a host repeats."""

import zlib

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from hdl.memory.load_port import LoadPort
from hdl.memory.loadable import add_loadables
from hdl.memory.loading import Contents, to_bytes

PAGE = 8
SHAPES = (("wide", 21, 5, True), ("narrow", 3, 1, False), ("deep", 8, 13, True))


def contents(seed):
    rng = np.random.default_rng(seed)
    return [
        Contents(name, bits, tuple(rng.integers(1 << bits, size=depth).tolist()), registered)
        for name, bits, depth, registered in SHAPES
    ]


class Bench:
    """A host, a load port, and what it loads."""

    def __init__(self):
        self.m = Module()
        self.m.submodules.port = self.port = LoadPort(PAGE, len(to_bytes(contents(1))))
        self.parts = add_loadables(self.m, contents(1))
        parts = list(self.parts.values())
        wiring.connect(self.m, self.port.load, parts[0].load)
        for part, following in zip(parts, parts[1:], strict=False):
            wiring.connect(self.m, part.loaded, following.load)
        wiring.connect(self.m, parts[-1].loaded, self.port.loaded)

    def run(self, steps):
        async def host(ctx):
            self.ctx = ctx
            ctx.set(self.port.number, (1 << 32) - 1)
            await ctx.tick()
            await steps(self)

        simulator = Simulator(self.m)
        simulator.add_clock(1e-6)
        simulator.add_testbench(host)
        simulator.run()

    async def send(self, content, *, repeat=1, skip=()):
        """Load page by page, each write `repeat` times."""
        for number in range(-(-len(content) // PAGE) + 1):
            if number in skip:
                continue
            page = content[PAGE * max(0, number - 1) : PAGE * number].ljust(PAGE, b"\0")
            for _ in range(repeat):
                self.ctx.set(self.port.number, number)
                for _ in range(PAGE + 4):
                    self.ctx.set(self.port.byte, page[self.ctx.get(self.port.index)])
                    await self.ctx.tick()
        await self.ctx.tick().repeat(8)

    async def read(self):
        """Return what the memories hold."""
        found = []
        for name, bits, depth, registered in SHAPES:
            part, words = self.parts[name], []
            self.ctx.set(part.enable, 1)
            for address in range(depth):
                self.ctx.set(part.address, address)
                if registered:
                    await self.ctx.tick()
                words.append(self.ctx.get(part.data))
            found.append(Contents(name, bits, tuple(words), registered))
        return found


def load_of(memories):
    content = to_bytes(memories)
    return content + zlib.crc32(content).to_bytes(4, "little")


@pytest.mark.parametrize("repeat", [1, 2])
def test_a_whole_load_fills_every_memory_and_lets_go(repeat):
    async def steps(bench):
        assert await bench.read() == contents(1) and not bench.ctx.get(bench.port.hold)
        for seed in (2, 3):
            await bench.send(load_of(contents(seed)), repeat=repeat)
            assert await bench.read() == contents(seed)
            assert (bench.ctx.get(bench.port.status), bench.ctx.get(bench.port.hold)) == (0, 0)
            checksum = zlib.crc32(to_bytes(contents(seed)))
            assert bench.ctx.get(bench.port.checksum) == checksum

    Bench().run(steps)


def test_what_is_held_stays_so_until_a_load_is_whole():
    async def steps(bench):
        content = bytearray(load_of(contents(2)))
        content[9] ^= 64
        await bench.send(bytes(content))
        assert (bench.ctx.get(bench.port.status), bench.ctx.get(bench.port.hold)) == (3, 1)
        assert bench.ctx.get(bench.port.checksum) == 0
        # A page that never came: nothing behind it counts.
        await bench.send(load_of(contents(2)), skip=(2,))
        assert bench.ctx.get(bench.port.done) == 1 and bench.ctx.get(bench.port.hold)
        await bench.send(load_of(contents(3)))
        assert await bench.read() == contents(3) and not bench.ctx.get(bench.port.hold)

    Bench().run(steps)
