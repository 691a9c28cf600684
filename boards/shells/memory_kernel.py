"""A design as a kernel that reads frames from a card's memory and writes its outputs there."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.shells.ports import (
    add_design,
    add_load_port,
    flat_ports,
    join_ports,
    layouts_of,
    take_clock,
    with_loading,
)
from hdl.axi.axi_lite import AxiLite
from hdl.axi.axi_memory import AxiRead, AxiWrite
from hdl.axi.kernel_control import KernelControl
from hdl.axi.memory_frames import MEMORY_BITS, MemoryFrames, MemoryFramesConfig

__all__ = ["MemoryKernel"]


class MemoryKernel(wiring.Component):
    """The module that a card's tools link: see :class:`MemoryFrames` and :class:`KernelControl`.

    Parameters
    ----------
    interface : dict
        Of a manifest.
    weights_bytes : int
        Of the memories that can be loaded.

    Members
    -------
    ap_clk, ap_rst_n : In(1)
    interrupt : Out(1)
    m_axi_gmem_* : an AXI4 master of 512 bits; s_axi_control_* : an AXI4-Lite port
    """

    def __init__(self, interface: Mapping[str, Any], weights_bytes: int = 0) -> None:
        self.interface = interface
        source, target = layouts_of(interface, MEMORY_BITS)
        self.config = MemoryFramesConfig(source=source, target=target)
        self.weights_bytes = weights_bytes
        self.control = with_loading(self.config.control, weights_bytes)
        super().__init__(
            {
                "ap_clk": In(1),
                "ap_rst_n": In(1),
                "interrupt": Out(1),
                **flat_ports("m_axi_gmem", AxiRead(MEMORY_BITS)),
                **flat_ports("m_axi_gmem", AxiWrite(MEMORY_BITS)),
                **flat_ports("s_axi_control", AxiLite(self.config.control.address_bits), reverse=True),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        take_clock(m, self.ap_clk, self.ap_rst_n)
        m.submodules.mover = mover = MemoryFrames(self.config)
        m.submodules.control = control = KernelControl(self.control)
        add_design(m, mover, self.interface, port=add_load_port(m, control, self.weights_bytes))
        join_ports(m, self, "m_axi_gmem", mover.read)
        join_ports(m, self, "m_axi_gmem", mover.write)
        join_ports(m, self, "s_axi_control", control.bus)
        m.d.comb += [
            mover.start.eq(control.start),
            control.done.eq(mover.done),
            self.interrupt.eq(control.interrupt),
        ]
        m.d.comb += [getattr(mover, name).eq(getattr(control, name)) for name, _ in control.config.arguments]
        m.d.comb += [getattr(control, name).eq(getattr(mover, name)) for name, _ in control.config.results]
        return m
