// Plays frames into `top`, writes down what comes out and when, and stops when nothing moves.
//
// Reads `input.bin`: the words of all frames, each big-endian in ceil(IN_BITS / 8) bytes; and, with `script`,
// `script.bin`, which says more of each word, see sim/script.py.
// Writes `run.txt`, a line an event, cycles counted from the end of reset:
//   I cycle               the first beat of a frame was accepted
//   O cycle last payload  an output beat passed
//   R cycle rule          m_axis broke a stream rule (valid, payload or last); the first time only
//   E cycle               frame_error was high; the first time only, and the first after each reset
//   Z cycle n             the script reset the design in this cycle, after n input beats
//   S name valid ready n  at the end: state of s_axis and m_axis, beats passed
//   D cycle reason        the end: complete, idle (nothing moved for `patience` cycles) or budget
//
// Plusargs: frames, source and sink (1: pause at random), seed, window, patience, budget, settle;
// rest (cycles of silence before the first word, so that it meets an idle design);
// dam (m_axis is shut until nothing has moved for so many cycles: twice, if a reset follows on the first
// `opening` words; that comes once nothing moves, and what is left of them is skipped);
// script (1: there is one), words (how many), outputs (beats that must come after the last reset);
// tap_frames and tap_from (log so many frames on every tap), wave_from (dump from that cycle into wave_file).
module harness #(
    parameter int IN_BITS = 8,
    parameter int IN_BEATS = 1,
    parameter int OUT_BITS = 8,
    parameter int OUT_BEATS = 1
) (
    input logic clk  /* verilator public_flat_rw */,
    input logic rst  /* verilator public_flat_rw */,
    output logic done  /* verilator public_flat_rd */
);
  longint unsigned words, outputs, seed, window, patience, budget, settle, rest, dam, opening;
  longint unsigned wave_from;
  int pause_source, pause_sink, scripted, waves;
  string wave_file;
  int input_file, script_file, log, tap_log;

  function automatic longint unsigned plusarg(string form, longint unsigned otherwise);
    longint unsigned value;
    return $value$plusargs(form, value) != 0 ? value : otherwise;
  endfunction

  initial begin
    words = plusarg("words=%d", plusarg("frames=%d", 1) * IN_BEATS);
    outputs = plusarg("outputs=%d", plusarg("frames=%d", 1) * OUT_BEATS);
    seed = plusarg("seed=%d", 1);
    window = plusarg("window=%d", 64);
    patience = plusarg("patience=%d", 10000);
    budget = plusarg("budget=%d", 1000000);
    settle = plusarg("settle=%d", 0);
    rest = plusarg("rest=%d", 0);
    dam = plusarg("dam=%d", 0);
    opening = plusarg("opening=%d", 0);
    wave_from = plusarg("wave_from=%d", 0);
    pause_source = int'(plusarg("source=%d", 0));
    pause_sink = int'(plusarg("sink=%d", 0));
    scripted = int'(plusarg("script=%d", 0));
    waves = $value$plusargs("wave_file=%s", wave_file);
    input_file = $fopen("input.bin", "rb");
    if (scripted != 0) script_file = $fopen("script.bin", "rb");
    log = $fopen("run.txt", "w");
    tap_log = $fopen("taps.txt", "w");
    if (waves != 0) $dumpfile(wave_file);
  end

  logic [IN_BITS-1:0] s_data, word;
  logic s_valid, s_ready, s_last;
  logic [OUT_BITS-1:0] m_data;
  logic m_valid, m_ready, m_last, frame_error;
  logic resetting;

  top dut (
      .clk(clk),
      .rst(rst || resetting),
      .s_axis_tdata(s_data),
      .s_axis_tvalid(s_valid),
      .s_axis_tready(s_ready),
      .s_axis_tlast(s_last),
      .m_axis_tdata(m_data),
      .m_axis_tvalid(m_valid),
      .m_axis_tready(m_ready),
      .m_axis_tlast(m_last),
      .frame_error(frame_error)
  );

  // Registers start at random, the clock too: nothing counts before the first reset.
  logic armed = 1'b0;
  logic quiet;
  assign quiet = rst || !armed;
  always_ff @(posedge clk) if (rst) armed <= 1'b1;

  longint unsigned cycle, offered, accepted, received, idle, settled;
  int unsigned offered_beat;
  logic closing, starts;
  taps all_taps (.clk(clk), .rst(quiet || resetting), .cycle(cycle), .log(tap_log), .closing(closing));

  // Pauses: every `window` cycles each side draws how open it is: always, 3/4, 1/2, or closed.
  logic [63:0] noise;
  logic [1:0] source_mode, sink_mode;
  longint unsigned in_window;
  logic source_open, sink_open;

  function automatic logic is_open(logic [1:0] mode, logic [1:0] draw);
    case (mode)
      2'd0: return 1'b1;
      2'd1: return draw != 2'd0;
      2'd2: return draw[0];
      default: return 1'b0;
    endcase
  endfunction

  function automatic logic [63:0] scramble(logic [63:0] state);
    logic [63:0] x = state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
  endfunction

  assign source_open = pause_source == 0 || is_open(source_mode, noise[21:20]);
  assign sink_open = pause_sink == 0 || is_open(sink_mode, noise[41:40]);

  always_ff @(posedge clk) begin
    if (quiet) begin
      noise <= seed * 64'h9E3779B97F4A7C15 + 64'd1;
      {source_mode, sink_mode} <= 4'd0;
      in_window <= 0;
    end else begin
      noise <= scramble(noise);
      in_window <= in_window + 1;
      if (in_window == window) begin
        in_window <= 0;
        {source_mode, sink_mode} <= noise[33:30];
      end
    end
  end

  // Source: a beat stays offered until it passes. Sink: readiness is drawn without looking at valid.
  // Before a word the script may reset the design, then keep silent.
  logic [63:0] order;  // of the word that comes next: its tlast, whether to reset, and cycles of silence
  logic fetched;
  logic dammed, opens, full;  // m_axis is shut; before the reset that ends the opening; nothing moves any more
  assign full = dammed && idle >= dam;

  task automatic fetch();
    if ($fread(word, input_file) == 0) $fatal(1, "input.bin ends too early");
    order = {offered_beat == IN_BEATS - 1, 63'(offered == 0 ? rest : 0)};
    if (scripted != 0 && $fread(order, script_file) == 0) $fatal(1, "script.bin ends too early");
    fetched = 1'b1;
  endtask

  always_ff @(posedge clk) begin
    m_ready <= !quiet && sink_open && !dammed;
    resetting <= 1'b0;
    if (quiet) {dammed, opens} <= {dam != 0, opening != 0};
    else if (resetting) opens <= 1'b0;
    else if (full && !opens) dammed <= 1'b0;
    if (quiet) begin
      s_valid <= 1'b0;
      s_last <= 1'b0;
      offered <= 0;
      offered_beat <= 0;
      fetched = 1'b0;
    end else if (full && opens && !resetting) begin
      void'($fseek(input_file, int'(opening) * ((IN_BITS + 7) / 8), 0));
      void'($fseek(script_file, int'(opening) * 8, 0));
      fetch();
      order[62] = 1'b0;
      resetting <= 1'b1;
      s_valid <= 1'b0;
      offered <= opening;
      offered_beat <= 0;
    end else if (!s_valid || s_ready) begin
      s_valid <= 1'b0;
      if (!fetched && offered < words) fetch();
      if (fetched && order[62]) begin
        resetting <= 1'b1;
        order[62] = 1'b0;
      end else if (fetched && order[61:0] != 0) order[61:0] = order[61:0] - 1;
      else if (fetched && source_open) begin
        s_data <= word;
        s_valid <= 1'b1;
        s_last <= order[63];
        offered_beat <= offered_beat == IN_BEATS - 1 ? 0 : offered_beat + 1;
        offered <= offered + 1;
        fetched = 1'b0;
      end
    end
  end

  // What passes, and the stream rules of the output.
  logic waiting, broken, erroneous, held_last;
  logic [OUT_BITS-1:0] held_data;

  always_ff @(posedge clk) begin
    waiting <= !quiet && !resetting && m_valid && !m_ready;
    held_data <= m_data;
    held_last <= m_last;
    if (quiet) begin
      {broken, erroneous} <= 2'b00;
      accepted <= 0;
      starts <= 1'b1;
      received <= 0;
    end else if (resetting) begin
      $fwrite(log, "Z %0d %0d\n", cycle, offered);
      accepted <= offered;
      {starts, erroneous} <= 2'b10;
      received <= 0;
    end else begin
      if (s_valid && s_ready) begin
        if (starts) $fwrite(log, "I %0d\n", cycle);
        accepted <= accepted + 1;
        starts <= s_last;
      end
      if (m_valid && m_ready) begin
        $fwrite(log, "O %0d %b %h\n", cycle, m_last, m_data);
        received <= received + 1;
      end
      if (waiting && !broken && (!m_valid || m_data != held_data || m_last != held_last)) begin
        $fwrite(log, "R %0d %s\n", cycle, !m_valid ? "valid" : m_data != held_data ? "payload" : "last");
        broken <= 1'b1;
      end
      if (frame_error && !erroneous) begin
        $fwrite(log, "E %0d\n", cycle);
        erroneous <= 1'b1;
      end
    end
  end

  // The end: all beats came and `settle` more cycles brought nothing to wait for, or time is up.
  logic complete, exhausted;
  assign complete = settled >= settle && received >= outputs;
  assign exhausted = idle >= patience || cycle >= budget;
  assign closing = !quiet && !done && (complete || exhausted);

  always_ff @(posedge clk) begin
    if (quiet) begin
      cycle <= 0;
      idle <= 0;
      settled <= 0;
      done <= 1'b0;
    end else begin
      cycle <= cycle + 1;
      idle <= resetting || (s_valid && s_ready) || (m_valid && m_ready) ? 0 : idle + 1;
      settled <= received >= outputs && (scripted == 0 || accepted == words) && !resetting ? settled + 1 : 0;
      if (waves != 0 && cycle == wave_from) $dumpvars;
      if (closing) begin
        $fwrite(log, "S s_axis %b %b %0d\n", s_valid, s_ready, accepted);
        $fwrite(log, "S m_axis %b %b %0d\n", m_valid, m_ready, received);
        $fwrite(log, "D %0d %s\n", cycle, complete ? "complete" : idle >= patience ? "idle" : "budget");
        done <= 1'b1;
      end
    end
  end
endmodule
