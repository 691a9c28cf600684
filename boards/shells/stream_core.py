"""A design as a core that a DMA engine streams frames to and outputs from."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module, ResetInserter
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
from hdl.axi.axi_stream import AxiStream
from hdl.axi.kernel_control import KernelControl
from hdl.axi.stream_frames import StreamFrames, StreamFramesConfig

__all__ = ["DMA_BITS", "StreamCore"]

DMA_BITS = 64
"""Width of both streams of the DMA engine."""


class StreamCore(wiring.Component):
    """The module that a block design holds: see :class:`StreamFrames` and :class:`KernelControl`.

    Parameters
    ----------
    interface : dict
        Of a manifest.
    weights_bytes : int
        Of the memories that can be loaded.

    Members
    -------
    aclk, aresetn : In(1)
    interrupt : Out(1)
    s_axis_*, m_axis_* : AXI4-Streams of 64 bits with `tkeep`; s_axi_control_* : an AXI4-Lite port
    """

    def __init__(self, interface: Mapping[str, Any], weights_bytes: int = 0) -> None:
        self.interface = interface
        source, target = layouts_of(interface, DMA_BITS)
        self.config = StreamFramesConfig(source=source, target=target)
        self.weights_bytes = weights_bytes
        self.control = with_loading(self.config.control, weights_bytes)
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                "interrupt": Out(1),
                **flat_ports("s_axis", AxiStream(DMA_BITS), reverse=True),
                **flat_ports("m_axis", AxiStream(DMA_BITS)),
                # The engine wants to know which bytes count: all of them, words being whole.
                "m_axis_tkeep": Out(DMA_BITS // 8),
                **flat_ports("s_axi_control", AxiLite(self.config.control.address_bits), reverse=True),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        take_clock(m, self.aclk, self.aresetn)
        mover = StreamFrames(self.config)
        m.submodules.control = control = KernelControl(self.control)
        m.submodules.mover = ResetInserter(control.clear)(mover)
        port = add_load_port(m, control, self.weights_bytes)
        add_design(m, mover, self.interface, control.clear, port)
        join_ports(m, self, "s_axis", mover.i)
        join_ports(m, self, "m_axis", mover.o)
        join_ports(m, self, "s_axi_control", control.bus)
        m.d.comb += [
            self.m_axis_tkeep.eq(-1),
            mover.start.eq(control.start),
            control.done.eq(mover.done),
            self.interrupt.eq(control.interrupt),
        ]
        m.d.comb += [getattr(mover, name).eq(getattr(control, name)) for name, _ in control.config.arguments]
        m.d.comb += [getattr(control, name).eq(getattr(mover, name)) for name, _ in control.config.results]
        return m
