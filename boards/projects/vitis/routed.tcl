# After routing: result.json beside this file.
set folder [file dirname [file normalize [info script]]]
source [file join $folder report.tcl]
write_result [file join $folder result.json] zeroskip_1 ap_clk
