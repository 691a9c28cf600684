"""Radiona ULX3S with an LFE5U-25F: a USB serial port, and 24 thousand lookup tables.

Sources: device totals as the data sheet states them and nextpnr reports them; pins from amaranth-boards. The
clock is what is aimed for; `bitstream` states the one that is reached. The shell takes three thousand lookup
tables, and of a design that took 93 % with it nextpnr had not routed the last arcs after six minutes.
"""

from boards.board import Board
from boards.flows.ecp5 import Ecp5Flow

__all__ = ["BOARD"]

BOARD = Board(
    name="ulx3s-25f",
    title="Radiona ULX3S 25F",
    part="LFE5U-25F-6BG381C",
    family="ECP5",
    synthesis="synth_ecp5",
    lut_inputs=4,
    lut=24_288,
    ff=24_288,
    dsp=28,
    block_ram=56,
    block_ram_kbit=18,
    uram=0,
    clock_mhz=80,
    clock_source="assumed",
    host_interface="USB serial port, 3 Mbaud",
    lut_fraction=0.6,
    flow=Ecp5Flow(platform="amaranth_boards.ulx3s:ULX3S_25F_Platform", baud=3_000_000, slots=8),
)
