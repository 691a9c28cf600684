"""Modules that are mapped apart become what they become together."""

import pytest

from boards.synthesis import apart, job
from boards.synthesis.cells import FAMILIES
from tests.boards.synthesis.design import STAGE

NESTED = """
module nested(clk, rst, x, y);
  input clk, rst; input [7:0] x; output [15:0] y; wire [15:0] first; wire valid, more;
  stage left(.clk(clk), .rst(rst), .i__payload(x), .i__valid(x[0]), .o__payload(first), .o__valid(valid));
  spread right(.clk(clk), .x(first), .y(y));
endmodule
module spread(clk, x, y);
  input clk; input [15:0] x; output reg [15:0] y = 0;
  always @(posedge clk) y <= (x * 16'd2571) ^ (y + x);
endmodule
"""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_way_to_part_a_design_gives_the_same_cells_levels_and_timing(tmp_path, monkeypatch, family):
    (tmp_path / "nested.v").write_text(NESTED + STAGE)
    monkeypatch.chdir(tmp_path)
    found, groups = [], []
    for number, cells in enumerate((10**6, 100, 1)):  # all together, some, and each for itself
        monkeypatch.setattr(apart, "CELLS_AT_ONCE", cells)
        log = tmp_path / f"{number}.log"
        task = {"module": "nested", "command": FAMILIES[family].command, "boxes": {}, "log": str(log)}
        found.append({**job.synthesize_module(task), "seconds": None})
        groups.append(log.read_text().count("RTLIL backend"))
    assert groups[0] == 0 < groups[1] < groups[2] == 4
    assert found[0]["cells"] and found[0]["parts"].keys() == {"", "left", "right"}
    assert found[0] == found[1] == found[2]
