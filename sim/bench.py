"""The cocotb test that runs inside the simulator: clock, reset, and wait.

Everything that happens in every cycle is in `harness.sv`; Python wakes up a few times a run.
"""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

RESET_CYCLES = 4
PERIOD_STEPS = 2


@cocotb.test()
async def play_frames(dut) -> None:
    """Reset the design and let the harness play; it ends by itself, its patience being finite."""
    dut.rst.value = 1
    Clock(dut.clk, PERIOD_STEPS, unit="step", impl="gpi").start()
    await ClockCycles(dut.clk, RESET_CYCLES)
    dut.rst.value = 0
    await RisingEdge(dut.done)
