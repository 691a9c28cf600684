# vivado -mode batch -source package_kernel.tcl
# Packages the kernel as zeroskip_kernel.xo. Run it in the folder in which it lies.

source design.tcl
source stage.tcl

set staged [stage_design ../rtl work/source]
file copy -force zeroskip_kernel.v work/source
lappend staged work/source/zeroskip_kernel.v

create_project -force package work/project -part $part
add_files -norecurse $staged
set_property top zeroskip_kernel [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir work/core -vendor zeroskip -library kernel -taxonomy /KernelIP -import_files -force
set core [ipx::current_core]
set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
set_property supported_families {} $core
set_property auto_family_support_level level_2 $core
ipx::associate_bus_interfaces -busif m_axi_gmem -clock ap_clk $core
ipx::associate_bus_interfaces -busif s_axi_control -clock ap_clk $core
ipx::infer_bus_interface ap_rst_n xilinx.com:signal:reset_rtl:1.0 $core
ipx::infer_bus_interface interrupt xilinx.com:signal:interrupt_rtl:1.0 $core
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity -kernel $core
ipx::save_core $core
close_project
package_xo -force -xo_path zeroskip_kernel.xo -kernel_name zeroskip_kernel -ip_directory work/core -kernel_xml kernel.xml
