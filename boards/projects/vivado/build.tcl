# vivado -mode batch -source build.tcl
# Packages the core, puts it beside the processors and a DMA engine, and makes zeroskip.bit and zeroskip.hwh.
# Run it in the folder in which it lies.

source design.tcl
source stage.tcl
source report.tcl

# The core, as an IP of its own
set staged [stage_design ../rtl work/source]
file copy -force zeroskip_core.v work/source
lappend staged work/source/zeroskip_core.v
create_project -force package work/package -part $part
add_files -norecurse $staged
set_property top zeroskip_core [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir work/core -vendor zeroskip -library user -taxonomy /UserIP -import_files -force
set core [ipx::current_core]
foreach bus {s_axi_control s_axis m_axis} {
    ipx::associate_bus_interfaces -busif $bus -clock aclk $core
}
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project

# The design around it
create_project -force overlay work/overlay -part $part
if {[llength [get_board_parts -quiet $board_part]] == 0} {
    error "the board files of $board_part are not installed; see https://github.com/Avnet/bdf"
}
set_property board_part $board_part [current_project]
set_property ip_repo_paths work/core [current_project]
update_ip_catalog
create_bd_design zeroskip_system

create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e processors
apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset 1} [get_bd_cells processors]
set_property -dict [list \
    CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
    CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__SAXIGP2__DATA_WIDTH 64 \
    CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz] [get_bd_cells processors]

create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma dma
set_property -dict [list \
    CONFIG.c_include_sg 0 CONFIG.c_sg_include_stscntrl_strm 0 CONFIG.c_sg_length_width 26 \
    CONFIG.c_addr_width 40 CONFIG.c_m_axi_mm2s_data_width 64 CONFIG.c_m_axis_mm2s_tdata_width 64 \
    CONFIG.c_m_axi_s2mm_data_width 64 CONFIG.c_s_axis_s2mm_tdata_width 64 \
    CONFIG.c_mm2s_burst_size 64 CONFIG.c_s2mm_burst_size 64] [get_bd_cells dma]

create_bd_cell -type ip -vlnv zeroskip:user:zeroskip_core zeroskip
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset resets
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect control_bus
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 2] [get_bd_cells control_bus]
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect memory_bus
set_property -dict [list CONFIG.NUM_SI 2 CONFIG.NUM_MI 1] [get_bd_cells memory_bus]

foreach {from to} {
    processors/M_AXI_HPM0_FPD control_bus/S00_AXI
    control_bus/M00_AXI       dma/S_AXI_LITE
    control_bus/M01_AXI       zeroskip/s_axi_control
    dma/M_AXI_MM2S            memory_bus/S00_AXI
    dma/M_AXI_S2MM            memory_bus/S01_AXI
    memory_bus/M00_AXI        processors/S_AXI_HP0_FPD
    dma/M_AXIS_MM2S           zeroskip/s_axis
    zeroskip/m_axis           dma/S_AXIS_S2MM
} {
    connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}
foreach clock {
    processors/maxihpm0_fpd_aclk processors/saxihp0_fpd_aclk resets/slowest_sync_clk control_bus/aclk
    memory_bus/aclk dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk zeroskip/aclk
} {
    connect_bd_net [get_bd_pins processors/pl_clk0] [get_bd_pins $clock]
}
connect_bd_net [get_bd_pins processors/pl_resetn0] [get_bd_pins resets/ext_reset_in]
foreach reset {control_bus/aresetn memory_bus/aresetn dma/axi_resetn zeroskip/aresetn} {
    connect_bd_net [get_bd_pins resets/peripheral_aresetn] [get_bd_pins $reset]
}
assign_bd_address
validate_bd_design
save_bd_design
make_wrapper -files [get_files zeroskip_system.bd] -top -import
set_property top zeroskip_system_wrapper [current_fileset]

launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} {
    error "implementation failed; see work/overlay/overlay.runs/impl_1/runme.log"
}
open_run impl_1
write_result result.json zeroskip aclk
file copy -force work/overlay/overlay.runs/impl_1/zeroskip_system_wrapper.bit zeroskip.bit
file copy -force work/overlay/overlay.gen/sources_1/bd/zeroskip_system/hw_handoff/zeroskip_system.hwh zeroskip.hwh
