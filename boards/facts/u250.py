"""AMD Alveo U250.

Sources: device totals as the data sheet states them, recalled and not measured here; the clock is an
assumption, usual for pipelined designs in this family.
"""

from boards.board import Board
from boards.flows.vitis import VitisFlow

__all__ = ["BOARD"]

BOARD = Board(
    name="u250",
    title="AMD Alveo U250",
    part="xcu250-figd2104-2L-e",
    family="UltraScale+",
    synthesis="synth_xilinx -family xcup",
    lut_inputs=6,
    lut=1_728_000,
    ff=3_456_000,
    dsp=12_288,
    block_ram=2_688,
    block_ram_kbit=36,
    uram=1_280,
    clock_mhz=300,
    clock_source="assumed",
    host_interface="PCI Express 3.0 ×16",
    flow=VitisFlow(platform="xilinx_u250_gen3x16_xdma_4_1_202210_1", dies=4, memory_die=1),
)
