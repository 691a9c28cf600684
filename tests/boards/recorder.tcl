# Runs a script in the present folder with every command that Tcl does not know recorded instead of run:
# those of vendor tools. Arguments: the script, and the file that takes one command a line.

set record [open $recorded w]

proc unknown {args} {
    global record
    set line {}
    foreach word $args {
        lappend line [string map {"\n" " "} $word]
    }
    puts $record [join $line "\t"]
    # Whoever asks for objects gets something to go on with; properties say that all went well.
    switch -- [lindex $args 0] {
        get_property { return [expr {"PROGRESS" in $args ? "100%" : [lindex $args 1] eq "SLACK" ? "0.25" : "4.0"}] }
        default { return [lindex $args end] }
    }
}

# What a tool would have made cannot be copied; that it should be is recorded.
rename file real_file
proc file {subcommand args} {
    if {$subcommand eq "copy" && ![real_file exists [lindex $args end-1]]} {
        return [unknown file copy {*}$args]
    }
    return [uplevel 1 [list real_file $subcommand {*}$args]]
}

source $script
close $record
