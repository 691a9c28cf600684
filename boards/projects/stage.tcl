# The design's Verilog in one flat folder, with its memory images beside it: vendor tools look for images by
# name next to the source that reads them, and know them by the suffix .mem.

proc stage_design {rtl folder} {
    file mkdir $folder
    set staged {}
    foreach image [lsort [glob -nocomplain -directory [file join $rtl images] *.hex]] {
        set copy [file join $folder [file rootname [file tail $image]].mem]
        file copy -force $image $copy
        lappend staged $copy
    }
    foreach source [lsort [glob -directory $rtl *.v]] {
        set input [open $source r]
        set text [read $input]
        close $input
        regsub -all {\$readmemh\("images/([^"]+)\.hex"} $text {$readmemh("\1.mem"} text
        set copy [file join $folder [file tail $source]]
        set output [open $copy w]
        puts -nonewline $output $text
        close $output
        lappend staged $copy
    }
    return $staged
}
