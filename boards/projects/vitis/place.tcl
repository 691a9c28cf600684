# Before placement: instances go to the dies in turn, from the one with the memory on; a single one stays
# there whole. The linker runs this in its own folder, hence the path of this file.

source [file join [file dirname [file normalize [info script]]] design.tcl]

for {set number 0} {$number < $instances} {incr number} {
    set cell [get_cells -quiet -hierarchical -filter "NAME =~ *zeroskip_1/*top/instance_$number"]
    if {[llength $cell] == 0} {
        error "instance_$number of zeroskip_1 is not in the netlist: was its hierarchy flattened?"
    }
    set_property USER_SLR_ASSIGNMENT SLR[expr {($memory_die + $number) % $dies}] $cell
}
