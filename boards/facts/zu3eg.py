"""AMD Zynq UltraScale+ ZU3EG, the edge-size part of the published comparison.

Sources: device totals as the data sheet states them, recalled and not measured here; the clock is an
assumption, usual for pipelined designs in the slowest speed grade of this family.
"""

from boards.board import Board
from boards.flows.vivado import VivadoFlow

__all__ = ["BOARD"]

BOARD = Board(
    name="zu3eg",
    title="AMD Zynq UltraScale+ ZU3EG",
    part="xczu3eg-sbva484-1-e",
    family="UltraScale+",
    synthesis="synth_xilinx -family xcup",
    lut_inputs=6,
    lut=70_560,
    ff=141_120,
    dsp=360,
    block_ram=216,
    block_ram_kbit=36,
    uram=0,
    clock_mhz=250,
    clock_source="assumed",
    host_interface="AXI, from the processors on the chip",
    flow=VivadoFlow(board_part="avnet.com:ultra96v2:part0:1.2"),
)
