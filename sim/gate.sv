// Holds up one stream of a design at random, breaking none of its rules; without plusargs it is a pair of wires.
//
// With `hold_up`=1 it is closed one eighth of the time, in spells of 1 to 64 cycles; what it has offered it goes
// on offering. From cycle `break_at` on the gate called `freeze` stays closed, and that called `lose` swallows
// every beat: a design that was broken for good.
module zeroskip_gate #(
    parameter string NAME = ""
) (
    input logic clk,
    input logic rst,
    input logic i_valid,
    output logic i_ready,
    output logic o_valid,
    input logic o_ready
);
  int hold_up, left;
  longint unsigned age, break_at;
  logic shut, waiting, open, frozen, losing, freezes, loses;
  string victim;

  initial begin
    if ($value$plusargs("hold_up=%d", hold_up) == 0) hold_up = 0;
    if ($value$plusargs("break_at=%d", break_at) == 0) break_at = 0;
    freezes = $value$plusargs("freeze=%s", victim) != 0 && victim == NAME;
    loses = $value$plusargs("lose=%s", victim) != 0 && victim == NAME;
  end

  assign frozen = freezes && age >= break_at;
  assign losing = loses && age >= break_at && !waiting;
  assign open = (!shut || waiting) && !frozen && !losing;
  assign o_valid = i_valid && open;
  assign i_ready = losing || (o_ready && open);

  always_ff @(posedge clk) begin
    age <= rst ? 0 : age + 1;
    waiting <= !rst && o_valid && !o_ready;
    if (rst || hold_up == 0) begin
      shut <= 1'b0;
      left <= 0;
    end else if (left > 0) left <= left - 1;
    else begin
      shut <= $urandom_range(7) == 0;
      left <= $urandom_range((1 << $urandom_range(6)) - 1);
    end
  end
endmodule
