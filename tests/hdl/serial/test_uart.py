"""Characters pass a line one by one or in a row, to and from another end whose clock is a little off."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.serial.uart import UartConfig, UartReceiver, UartTransmitter, line_levels

CONFIG = UartConfig(clock_hz=25_000_000, baud=3_000_000)
CHARACTERS = bytes([0x00, 0xFF, 0x7E, 0x55, 0xA6, 0x01, 0x80])


def heard(levels):
    """Return the characters that a receiver takes from a line."""
    receiver, found = UartReceiver(CONFIG), []

    async def listen(ctx):
        for level in levels:
            ctx.set(receiver.line, int(level))
            await ctx.tick()
            if ctx.get(receiver.o.valid):
                found.append(ctx.get(receiver.o.payload))

    simulator = Simulator(receiver)
    simulator.add_clock(1e-6)
    simulator.add_testbench(listen)
    simulator.run()
    return bytes(found)


def said(characters, pause):
    """Return the line of a transmitter, cycle by cycle, that is offered a character every `pause` cycles."""
    transmitter, levels = UartTransmitter(CONFIG), []

    async def speak(ctx):
        for character in characters:
            ctx.set(transmitter.i.payload, character)
            ctx.set(transmitter.i.valid, 1)
            await ctx.tick().until(transmitter.i.ready)
            ctx.set(transmitter.i.valid, 0)
            await ctx.tick().repeat(pause)
        await ctx.tick().repeat(200)

    async def record(ctx):
        async for *_, level in ctx.tick().sample(transmitter.line):
            levels.append(level)

    simulator = Simulator(transmitter)
    simulator.add_clock(1e-6)
    simulator.add_testbench(speak)
    simulator.add_testbench(record, background=True)
    simulator.run()
    return levels


@pytest.mark.parametrize("skew", [0.97, 1, 1.03])
def test_a_receiver_follows_a_sender_that_is_too_fast_or_too_slow(skew):
    assert heard(line_levels(CONFIG, CHARACTERS, skew=skew)) == CHARACTERS


def test_a_character_without_a_stop_bit_is_none_and_the_next_one_is():
    broken = line_levels(CONFIG, b"\x55")
    broken[-17:] = False
    assert heard(np.concatenate([broken, line_levels(CONFIG, b"\xa6")])) == b"\xa6"


def test_a_flicker_of_the_line_is_no_character():
    levels = np.ones(40, dtype=bool)
    levels[10:12] = False
    assert heard(np.concatenate([levels, line_levels(CONFIG, b"\x0f")])) == b"\x0f"


@pytest.mark.parametrize("pause", [1, 100, 233])
def test_what_is_sent_is_heard_and_the_line_rests_between_and_afterwards(pause):
    levels = said(CHARACTERS, pause)
    assert heard(levels) == CHARACTERS
    assert all(levels[-100:])
    low = sum(not level for level in levels)
    zeros = sum(9 - character.bit_count() for character in CHARACTERS)
    assert low == pytest.approx(zeros * CONFIG.clock_hz / CONFIG.baud, abs=2 * len(CHARACTERS))


def test_a_line_too_fast_for_its_clock_is_rejected():
    with pytest.raises(ValueError, match="baud must be positive and at most a sixth of the clock"):
        UartConfig(clock_hz=25_000_000, baud=5_000_000)
