"""Registers move into an ECP5's multipliers and memories where that changes nothing, and nowhere else."""

import json

import pytest
from pyosys import libyosys

from boards.flows.registers import absorb_registers

# What the cell does with the registers that are moved into it, for the proof of equivalence.
MODEL = """\
module MULT18X18D(input [17:0] A, B, input SIGNEDA, SIGNEDB, CLK0, output reg [35:0] P);
  parameter REGISTERED = 0;
  reg [17:0] a = 0, b = 0;
  wire signed [18:0] left = {SIGNEDA & (REGISTERED ? a[17] : A[17]), REGISTERED ? a : A};
  wire signed [18:0] right = {SIGNEDB & (REGISTERED ? b[17] : B[17]), REGISTERED ? b : B};
  wire [35:0] product = left * right;
  generate
    if (REGISTERED) begin
      initial P = 0;
      always @(posedge CLK0) begin a <= A; b <= B; P <= product; end
    end else always @* P = product;
  endgenerate
endmodule
"""
PORTS = "module top(input clk, input c, input signed [4:0] x, input [3:0] y, output reg signed [9:0] z"
PLAIN = """, output [3:0] seen);
  reg signed [4:0] a = 0; reg [3:0] b = 0; initial z = 0; assign seen = b;
  always @(posedge clk) begin a <= x; b <= y; z <= a * $signed({1'b0, b}); end
endmodule"""
PRODUCT = "a * $signed({1'b0, b})"
CASES = {
    "plain": (PLAIN, 1),
    "enabled": (PLAIN.replace("a <= x;", "if (c) a <= x;"), 0),
    "cleared": (PLAIN.replace("b});", "b}); if (c) z <= 0;"), 0),
    "starts-at-one": (PLAIN.replace("b = 0", "b = 1"), 0),
    "falling": (PLAIN.replace("posedge", "negedge"), 0),
    "product-read-early": (
        PLAIN.replace("assign seen = b", f"wire [9:0] p = {PRODUCT}; assign seen = p"), 0
    ),
    "one-factor-bare": (PLAIN.replace("b <= y;", "").replace("reg [3:0] b = 0;", "wire [3:0] b = y;"), 0),
    "bare-product": (
        PLAIN.replace(f"z <= {PRODUCT};", "").replace("initial z = 0;", f"always @* z = {PRODUCT};"), 0
    ),
}  # fmt: skip


READ = """, output [8:0] seen, output reg [8:0] w);
  (* ram_style = "block" *) reg [8:0] words [0:511]; reg [8:0] read, held = 0; assign seen = held;
  integer n; initial for (n = 0; n < 512; n = n + 1) words[n] = 37 * n;
  always @(posedge clk) begin read <= words[{x, y}]; held <= read; w <= held; end
endmodule"""
READS = {
    "plain": (READ, 1),
    "held-on": (READ.replace("held <= read", "if (c) held <= read"), 0),
    "read-on-demand": (READ.replace("read <= words[{x, y}]", "if (c) read <= words[{x, y}]"), 0),
    "cleared": (READ.replace("w <= held;", "w <= held; if (c) held <= 0;"), 0),
    "starts-at-one": (READ.replace("held = 0", "held = 1"), 0),
    "read-early": (READ.replace("seen = held", "seen = read"), 0),
    "another-edge": (READ.replace("held <= read;", "").replace("endmodule", """\
  always @(negedge clk) held <= read;
endmodule"""), 0),
}  # fmt: skip


def run(design, *commands):
    for command in commands:
        design.run_pass(f"tee -q {command}")


def netlist(text, folder):
    """Return what Yosys makes of a module for an ECP5."""
    source = folder / "top.v"
    source.write_text(PORTS + text)
    design = libyosys.Design()
    run(design, f"read_verilog {source}", f"synth_ecp5 -top top -json {folder / 'top.json'}")
    return json.loads((folder / "top.json").read_text())


def wide_multipliers(module):
    """Gather the pins of each multiplier, as the model has them."""
    for cell in module["cells"].values():
        if cell["type"] == "MULT18X18D":
            pins, ways = cell["connections"], cell["port_directions"]
            registered = cell["parameters"].get("REG_OUTPUT_CLK") == "CLK0"
            joined = {
                name: [bit for n in range(count) for bit in pins.get(f"{name}{n}") or ["x"]]
                for name, count in (("A", 18), ("B", 18), ("P", 36))
            }
            single = {name: pins[name] for name in ("SIGNEDA", "SIGNEDB", "CLK0") if name in pins}
            cell["connections"] = joined | single
            cell["port_directions"] = {name: ways.get(f"{name}0", "input") for name in joined | single}
            cell["parameters"] = {"REGISTERED": f"{registered:032b}"}


@pytest.mark.parametrize("case", CASES)
def test_registers_move_only_where_the_design_stays_what_it_was(case, tmp_path):
    text, moved = CASES[case]
    whole = netlist(text, tmp_path)
    module = whole["modules"]["top"]
    before = sum(cell["type"] == "TRELLIS_FF" for cell in module["cells"].values())
    assert absorb_registers(module) == moved
    after = sum(cell["type"] == "TRELLIS_FF" for cell in module["cells"].values())
    # Those of `b` stay for whoever else reads them.
    assert before - after == (5 + 10 if moved else 0)
    wide_multipliers(module)
    (tmp_path / "moved.json").write_text(json.dumps({"modules": {"top": module}}))
    (tmp_path / "model.v").write_text(MODEL)
    design = libyosys.Design()
    run(
        design, f"read_json {tmp_path / 'moved.json'}", f"read_verilog {tmp_path / 'model.v'}",
        "read_verilog -nooverwrite +/ecp5/cells_sim.v", "hierarchy -top top", "proc", "flatten",
        "rename top gate", f"read_verilog {tmp_path / 'top.v'}", "rename top gold", "proc gold",
        "miter -equiv -flatten -make_assert gold gate miter", "opt -full miter",
        "sat -verify -prove-asserts -tempinduct -set-init-zero -seq 1 miter",
    )  # fmt: skip


@pytest.mark.parametrize("case", READS)
def test_a_memory_takes_the_registers_behind_it_only_where_all_may_move(case, tmp_path):
    text, moved = READS[case]
    module = netlist(text, tmp_path)["modules"]["top"]
    cells = module["cells"]
    before = json.loads(json.dumps(cells))
    assert absorb_registers(module) == moved
    pins_of = [before[name]["connections"] for name in before.keys() - cells.keys()]
    moves = {tuple(pins["DI"]): pins["Q"] for pins in pins_of}
    assert len(moves) == 9 * moved
    for name, cell in cells.items():
        if moved and cell["type"] == "DP16KD":
            assert cell["parameters"] == before[name]["parameters"] | {"REGMODE_A": "OUTREG"}
            for pin, bits in before[name]["connections"].items():
                assert cell["connections"][pin] == moves.get(tuple(bits), bits)
        else:
            assert cell == before[name]
