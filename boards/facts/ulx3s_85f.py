"""Radiona ULX3S with an LFE5U-85F: a USB serial port, and 85 thousand lookup tables.

Sources: device totals as the data sheet states them and nextpnr reports them; pins from amaranth-boards. The
clock is what is aimed for; `bitstream` states the one that is reached.
"""

from boards.board import Board
from boards.flows.ecp5 import Ecp5Flow

__all__ = ["BOARD"]

BOARD = Board(
    name="ulx3s-85f",
    title="Radiona ULX3S 85F",
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
    clock_mhz=100,
    clock_source="assumed",
    host_interface="USB serial port, 3 Mbaud",
    flow=Ecp5Flow(platform="amaranth_boards.ulx3s:ULX3S_85F_Platform", baud=3_000_000, slots=16),
)
