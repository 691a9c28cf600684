"""A build directory that is quick to synthesize: one stage with a memory, a sum and a product, used twice."""

import hashlib
import json
from pathlib import Path

from tests.report.sample import sample

STAGE = """
module stage(clk, rst, i__payload, i__valid, o__payload, o__valid);
  input clk, rst, i__valid; input [7:0] i__payload; output [15:0] o__payload; output o__valid;
  reg [7:0] cells [0:15];
  reg [3:0] place = 0;
  reg [15:0] held = 0;
  wire [7:0] \\o__payload[0] = cells[place];
  wire [7:0] \\o__payload[1] = held[7:0];
  wire [15:0] product;
  stage_factor factor(.clk(clk), .a(\\o__payload[0] ), .b(held[15:8]), .y(product));
  assign o__payload = {\\o__payload[1] , \\o__payload[0] };
  assign o__valid = i__valid;
  always @(posedge clk) begin
    if (i__valid) cells[place] <= i__payload;
    place <= rst ? 0 : place + 1;
    held <= product + held;
  end
endmodule
module stage_factor(clk, a, b, y);
  input clk; input signed [7:0] a, b; output reg signed [15:0] y = 0;
  reg signed [7:0] x = 0;
  always @(posedge clk) begin x <= b; y <= a * x; end
endmodule
"""

TOP = """
module top(clk, rst, s, m);
  input clk, rst; input [7:0] s; output reg [15:0] m = 0;
  wire [15:0] first, second; wire valid, more;
  stage left (.clk(clk), .rst(rst), .i__payload(s), .i__valid(s[0]), .o__payload(first), .o__valid(valid));
  stage right (.clk(clk), .rst(rst), .i__payload(first[7:0]), .i__valid(valid), .o__payload(second),
               .o__valid(more));
  always @(posedge clk) if (more) m <= second;
endmodule
"""


def write_build(directory: Path, board: str, **sources: str) -> Path:
    """Write a build directory for `board`; `sources` are modules beside or instead of those here."""
    rtl = directory / "rtl"
    rtl.mkdir(parents=True)
    for name, text in {"stage": STAGE, "top": TOP, **sources}.items():
        (rtl / f"{name}.v").write_text(text)
    files = {
        f"rtl/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in rtl.glob("*.v")
    }
    (directory / "manifest.json").write_text(json.dumps({"board": board, "files": files}))
    report = sample()
    report["stages"] = [{**report["stages"][2], "name": "stage"}]
    report["streams"] = []
    (directory / "report.json").write_text(json.dumps(report))
    return directory
