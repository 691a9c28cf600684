"""The watchdog bites when nothing moves for long enough though a frame is inside, and says where."""

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.sim import Simulator

from hdl.streams.watchdog import STARVED, STUCK, StreamWatch, Watchdog, WatchdogConfig

CONFIG = WatchdogConfig(streams=3, instances=2, cycles=5)


class Watched(Elaboratable):
    """A watchdog over the streams of two instances that a test drives."""

    def __init__(self):
        self.dog, self.watches = Watchdog(CONFIG), [StreamWatch(3), StreamWatch(3)]

    def elaborate(self, platform):
        m = Module()
        m.submodules.dog = self.dog
        for number, (watch, state) in enumerate(zip(self.watches, self.dog.states, strict=True)):
            m.submodules[f"watch_{number}"] = watch
            m.d.comb += state.as_value().eq(watch.state.as_value())
        return m


def stuck_after(cycles, *, begin=None, turn=0, valid=(0, 0), ready=(0, 0), ports=(), moved=(0, 0)):
    """Return `stuck` after some cycles in which `ports` are high; before that a beat came in and beats moved.

    `begin` is the `tlast` of the beat that came in, None for none.
    """
    design = Watched()
    sim = Simulator(design)
    sim.add_clock(1e-6)
    found = []

    async def bench(ctx):
        dog = design.dog
        ctx.set(dog.turn, turn)
        if begin is not None:
            for name, value in (("s_valid", 1), ("s_ready", 1), ("s_last", begin)):
                ctx.set(getattr(dog, name), value)
            for watch, bits in zip(design.watches, moved, strict=True):
                ctx.set(watch.valid, bits)
                ctx.set(watch.ready, bits)
            await ctx.tick()
            ctx.set(dog.s_valid, 0)
            ctx.set(dog.s_ready, 0)
        for name in ports:
            ctx.set(getattr(dog, name), 1)
        for watch, offered, taken in zip(design.watches, valid, ready, strict=True):
            ctx.set(watch.valid, offered)
            ctx.set(watch.ready, taken)
        await ctx.tick().repeat(cycles)
        found.append(ctx.get(dog.stuck))

    sim.add_testbench(bench)
    sim.run()
    return found[0]


def number(at, *, starved=False):
    return 1 << STUCK | starved << STARVED | at


@pytest.mark.parametrize(
    ("situation", "want"),
    [
        ({}, 0),
        ({"begin": 1, "ports": ["m_valid"]}, number(CONFIG.output)),
        ({"begin": 1, "valid": (0b011, 0)}, number(2)),
        ({"begin": 1, "valid": (0b011, 0b001), "turn": 1}, number(4)),
        ({"begin": 1, "ports": ["s_valid"]}, number(0)),
        ({"begin": 0}, number(0, starved=True)),
        ({"begin": 1, "moved": (0b101, 0b010)}, number(3, starved=True)),
        ({"begin": 1, "moved": (0b101, 0b010), "turn": 1}, number(5, starved=True)),
        ({"begin": 1, "valid": (0b1, 0), "ready": (0b1, 0)}, 0),
    ],
)
def test_it_names_the_stream_at_which_all_stands_still(situation, want):
    assert stuck_after(20, **situation) == want


def test_it_is_patient_for_as_long_as_it_should_be():
    assert stuck_after(CONFIG.cycles, begin=1, ports=["m_valid"]) == 0
    assert stuck_after(CONFIG.cycles + 2, begin=1, ports=["m_valid"]) != 0


def test_numbers_must_fit():
    with pytest.raises(ValueError, match="streams must be at most"):
        WatchdogConfig(streams=100, instances=200, cycles=1)
