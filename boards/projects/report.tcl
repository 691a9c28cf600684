# After routing: what was reached, for whoever started the tool. `design` names the core in the whole.

proc count_cells {pattern} {
    return [llength [get_cells -quiet -hierarchical -filter "IS_PRIMITIVE && REF_NAME =~ $pattern"]]
}

proc write_result {path core clock_pin} {
    set clock [get_clocks -of_objects [get_pins -quiet -hierarchical -filter "NAME =~ *$core/$clock_pin"]]
    set period [get_property PERIOD [lindex $clock 0]]
    set slack [get_property SLACK [get_timing_paths -delay_type max -max_paths 1 -group [lindex $clock 0]]]
    set output [open $path w]
    puts $output "{\"period_ns\": $period, \"slack_ns\": $slack,"
    puts $output " \"lut\": [count_cells LUT*], \"ff\": [count_cells FD*], \"dsp\": [count_cells DSP48E2],"
    puts $output " \"bram36\": [expr {[count_cells RAMB36*] + ([count_cells RAMB18*] + 1) / 2}],"
    puts $output " \"uram\": [count_cells URAM288*], \"tool\": \"[version -short]\"}"
    close $output
}
