"""Verification: from a build directory's Verilog to a verdict, with cocotb and Verilator."""
