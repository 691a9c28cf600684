// What a board and its FPGA give a shell, as models: pins behind buffers, and a PLL that locks after a while.
// The clock that it makes comes from outside, since nothing here tells the time.
module board (input clk25, input made, input rx, output tx, output [2:0] lamps);
  shell shell (
    .clk25_0__io(clk25), .uart_0__rx__io(rx), .uart_0__tx__io(tx), .uart_0__rts__io(1'b1),
    .uart_0__dtr__io(1'b1), .led_0__io(lamps[0]), .led_1__io(lamps[1]), .led_2__io(lamps[2])
  );
endmodule

module IB (input I, output O);
  assign O = I;
endmodule

module OBZ (input I, input T, output O);
  assign O = I & ~T;
endmodule

module EHXPLLL #(
  parameter PLLRST_ENA = "", INTFB_WAKE = "", STDBY_ENABLE = "", DPHASE_SOURCE = "", FEEDBK_PATH = "",
  parameter CLKOP_ENABLE = "", CLKOS_ENABLE = "",
  parameter CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 1, CLKOP_CPHASE = 0, CLKOS_DIV = 1, CLKOS_CPHASE = 0
) (
  input CLKI, CLKFB, RST, STDBY, ENCLKOP, ENCLKOS, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
  input PLLWAKESYNC, output CLKOP, CLKOS, output LOCK
);
  reg [4:0] waited = 0;
  always @(posedge CLKI) if (!LOCK) waited <= waited + 1;
  assign LOCK = waited[4];
  assign CLKOP = CLKI;
  assign CLKOS = board.made;
endmodule
