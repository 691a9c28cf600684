"""Lattice ECP5 LFE5U-85F, the largest part that the open tools place and route.

Sources: device totals as the data sheet states them, recalled and not measured here; the clock is the
goal for placed and routed designs and an assumption until one has been routed.
"""

from boards.board import Board

__all__ = ["BOARD"]

BOARD = Board(
    name="ecp5-85f",
    title="Lattice ECP5 LFE5U-85F",
    part="LFE5U-85F-6BG381C",
    family="ECP5",
    synthesis="synth_ecp5",
    lut_inputs=4,
    lut=83_640,
    ff=83_640,
    dsp=156,
    block_ram=208,
    block_ram_kbit=18,
    uram=0,
    clock_mhz=80,
    clock_source="assumed",
    host_interface="AXI4-Stream at the pins of the design; no shell",
)
