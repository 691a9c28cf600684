// A tiny network in three streamed stages, with faults on demand: relu -> winner of 2 channels -> linear.
//
// `fault` is read from a memory image, so that one simulator serves all faults:
//  1 a logit of the third frame is off by one       7 relu adds 1 at pixel 5, channel 1, of the third frame
//  2 the last logit of the third frame is dropped   8 winners loses pixel 4 of the third frame's winner
//  3 the third frame has a fourth logit             9 frame_error rises
//  4 tlast comes one logit early                   10 a frame takes 5 cycles more
//  5 winners stops taking beats in the third frame 11 a waiting logit is withdrawn
//  6 a waiting logit changes                       12 relu offers nothing more in the third frame
//                                                  13 a waiting relu beat changes
// 14 relu loses the loser of pixel 5 of the third frame, which no output shows
// 15 a reset leaves the logits of a frame that have begun to leave
module relu (
    input clk, input rst, input [7:0] fault,
    input [15:0] i__payload, input i__valid, output i__ready,
    output [13:0] o__payload, output o__valid, input o__ready
);
  reg [13:0] held = 0;
  reg full = 0;
  reg [3:0] pixel = 0;
  reg [15:0] frame = 0;
  reg [3:0] waited = 0;
  wire [6:0] low = i__payload[7] ? 7'd0 : i__payload[6:0];
  wire [6:0] high = i__payload[15] ? 7'd0 : i__payload[14:8];
  wire loses = fault == 14 && frame == 2 && pixel == 5;
  assign o__valid = full;
  assign o__payload = held ^ {13'd0, fault == 13 && frame >= 2 && waited == 1};
  assign i__ready = !full || o__ready;
  always @(posedge clk) begin
    waited <= o__valid && !o__ready ? waited + 1 : 0;
    if (i__ready) begin
      full <= i__valid;
      held <= {loses && high <= low ? 7'd0 : high + {6'd0, fault == 7 && frame == 2 && pixel == 5},
               loses && high > low ? 7'd0 : low};
      if (i__valid) begin
        pixel <= pixel == 8 ? 0 : pixel + 1;
        if (pixel == 8) frame <= frame + 1;
      end
    end
    if (rst) begin
      full <= 0; pixel <= 0; frame <= 0; waited <= 0;
    end
  end
endmodule

module winners (
    input clk, input rst, input [7:0] fault,
    input [13:0] i__payload, input i__valid, output i__ready,
    output reg [8:0] o__payload = 0, output reg o__valid = 0, input o__ready
);
  reg [3:0] pixel = 0;
  reg [15:0] frame = 0;
  wire second = i__payload[13:7] > i__payload[6:0];
  wire [6:0] value = second ? i__payload[13:7] : i__payload[6:0];
  wire lost = fault == 8 && frame == 2 && pixel == 4;
  assign i__ready = (!o__valid || o__ready) && !(fault == 5 && frame == 2 && pixel == 6);
  always @(posedge clk) begin
    if (o__ready) o__valid <= 0;
    if (i__valid && i__ready) begin
      o__valid <= !(fault == 12 && (frame > 2 || frame == 2 && pixel > 3));
      o__payload <= {second, value, value != 0 && !lost};
      pixel <= (pixel == 8) ? 0 : pixel + 1;
      if (pixel == 8) frame <= frame + 1;
    end
    if (rst) begin
      o__valid <= 0; pixel <= 0; frame <= 0;
    end
  end
endmodule

module entries (
    input clk, input rst,
    input [8:0] i__payload, input i__valid, output i__ready,
    output reg [13:0] o__payload = 0, output reg o__valid = 0, input o__ready
);
  reg [3:0] pixel = 0;
  wire [4:0] index = {pixel, 1'b0} + {4'd0, i__payload[8]};
  assign i__ready = !o__valid || o__ready;
  always @(posedge clk) begin
    if (o__ready) o__valid <= 0;
    if (i__valid && i__ready) begin
      o__valid <= i__payload[0] || pixel == 8;
      o__payload <= {i__payload[7:1], index, i__payload[0], pixel == 8};
      pixel <= pixel == 8 ? 0 : pixel + 1;
    end
    if (rst) begin
      o__valid <= 0; pixel <= 0;
    end
  end
endmodule

module linear (
    input clk, input rst, input [7:0] fault,
    input [13:0] i__payload, input i__valid, output i__ready,
    output [15:0] o__payload, output o__valid, output o__last, input o__ready
);
  reg [23:0] weights [0:17];
  initial $readmemh("images/weights.hex", weights);
  reg signed [15:0] sums [0:2];
  reg [2:0] left = 0;
  reg [15:0] frame = 0;
  reg [3:0] waited = 0;
  reg [2:0] pause = 0;
  wire [4:0] index = i__payload[6:2];
  wire signed [15:0] value = i__payload[1] ? {9'd0, i__payload[13:7]} : 16'd0;
  wire special = frame == 2;
  wire [2:0] final_left = fault == 2 && special ? 3'd2 : 3'd1;
  wire [1:0] place = left == 4 ? 2'd0 : 2'd3 - left[1:0];
  integer o;
  assign i__ready = left == 0 && pause == 0;
  assign o__valid = (left != 0) && !(fault == 11 && waited == 2);
  assign o__payload = sums[place] + {15'd0, fault == 1 && special && left == 2}
                    + {15'd0, fault == 6 && waited == 1};
  assign o__last = fault == 4 && special ? left == 2 : left == final_left;
  always @(posedge clk) begin
    waited <= o__valid && !o__ready ? waited + 1 : 0;
    if (pause != 0) pause <= pause - 1;
    if (i__valid && i__ready) begin
      for (o = 0; o < 3; o = o + 1)
        sums[o] <= sums[o] + value * $signed({{8{weights[index][8*o+7]}}, weights[index][8*o+:8]});
      if (i__payload[0]) left <= fault == 3 && special ? 4 : 3;
    end
    if (o__valid && o__ready) begin
      left <= o__last && fault != 4 ? 0 : left - 1;
      if (left == (fault == 4 ? 1 : final_left) || o__last && fault != 4) begin
        frame <= frame + 1;
        pause <= fault == 10 ? 5 : 0;
        for (o = 0; o < 3; o = o + 1) sums[o] <= 0;
      end
    end
    if (rst && !(fault == 15 && left != 0)) begin
      left <= 0; frame <= 0; waited <= 0; pause <= 0;
      for (o = 0; o < 3; o = o + 1) sums[o] <= 0;
    end
  end
endmodule

module top (
    input clk, input rst,
    input [15:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
    output [15:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output m_axis_tlast,
    output frame_error
);
  reg [7:0] fault [0:0];
  initial $readmemh("images/fault.hex", fault);
  assign frame_error = fault[0] == 9 && m_axis_tvalid;
  wire [13:0] a;
  wire [8:0] b;
  wire [13:0] c;
  wire a_valid, a_ready, b_valid, b_ready, c_valid, c_ready;
  relu relu (
      .clk(clk), .rst(rst), .fault(fault[0]),
      .i__payload(s_axis_tdata), .i__valid(s_axis_tvalid), .i__ready(s_axis_tready),
      .o__payload(a), .o__valid(a_valid), .o__ready(a_ready));
  winners winners (
      .clk(clk), .rst(rst), .fault(fault[0]), .i__payload(a), .i__valid(a_valid), .i__ready(a_ready),
      .o__payload(b), .o__valid(b_valid), .o__ready(b_ready));
  entries entries (
      .clk(clk), .rst(rst), .i__payload(b), .i__valid(b_valid), .i__ready(b_ready),
      .o__payload(c), .o__valid(c_valid), .o__ready(c_ready));
  linear linear (
      .clk(clk), .rst(rst), .fault(fault[0]), .i__payload(c), .i__valid(c_valid), .i__ready(c_ready),
      .o__payload(m_axis_tdata), .o__valid(m_axis_tvalid), .o__last(m_axis_tlast), .o__ready(m_axis_tready));
endmodule
