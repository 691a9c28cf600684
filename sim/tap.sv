// Watches one internal stream: counts its frames and beats, and logs some frames when asked.
//
// Writes to `log`, a line an event:
//   B number cycle frame payload        a beat passed, of one of `tap_frames` frames from `tap_from` on,
//                                       of `tap_instance` if that is given
//   R number cycle frame                a waiting beat changed or was withdrawn; the first time only
//   Z number                           the design is being reset
//   T number valid ready frames beats   at the end: state, whole frames passed, beats of the next one
module tap #(
    parameter int NUMBER = 0,
    parameter int INSTANCE = 0,
    parameter int BITS = 1,
    parameter int BEATS = 0,     // beats a frame; 0: bit LAST_BIT ends it
    parameter int LAST_BIT = 0
) (
    input logic clk,
    input logic rst,
    input logic valid,
    input logic ready,
    input logic [BITS-1:0] payload,
    input longint unsigned cycle,
    input int log,
    input logic closing
);
  longint unsigned first, count, frame;
  int unsigned beat;
  int logging, watched;
  logic waiting, broken, ends;
  logic [BITS-1:0] held;

  initial begin
    logging = $value$plusargs("tap_frames=%d", count);
    if ($value$plusargs("tap_from=%d", first) == 0) first = 0;
    watched = 0;
    if ($value$plusargs("tap_instance=%d", watched) != 0 && watched != INSTANCE) logging = 0;
  end
  assign ends = BEATS == 0 ? payload[LAST_BIT] : beat == BEATS - 1;

  always_ff @(posedge clk) begin
    if (rst) begin
      frame <= 0;
      beat <= 0;
      waiting <= 1'b0;
      broken <= 1'b0;
      $fwrite(log, "Z %0d\n", NUMBER);
    end else begin
      waiting <= valid && !ready;
      held <= payload;
      if (waiting && !broken && (!valid || payload != held)) begin
        $fwrite(log, "R %0d %0d %0d\n", NUMBER, cycle, frame);
        broken <= 1'b1;
      end
      if (valid && ready) begin
        beat <= ends ? 0 : beat + 1;
        if (ends) frame <= frame + 1;
      end
      if (logging != 0 && frame >= first && frame - first < count && valid && ready)
        $fwrite(log, "B %0d %0d %0d %h\n", NUMBER, cycle, frame, payload);
      if (closing) $fwrite(log, "T %0d %b %b %0d %0d\n", NUMBER, valid, ready, frame, beat);
    end
  end
endmodule
