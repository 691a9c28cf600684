"""The whole design as one component: AXI4-Stream in, a pipeline of stages, AXI4-Stream out."""

from functools import cached_property

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.egress import Egress, EgressConfig
from hdl.axi.ingress import Ingress, IngressConfig
from hdl.design import Design, Stage

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """Run a design: frames come in on `s_axis`, outputs leave on `m_axis`, frame behind frame.

    Where the platform has a method `stage(stage)`, that method makes a stage's hardware (the emitter gives
    each its own Verilog file); otherwise the stage's component is elaborated in place.

    Timing
    ------
    That of the slowest stage; full backpressure.

    Parameters
    ----------
    design : Design

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tready, s_axis_tlast
        Frames, see :class:`hdl.axi.ingress.Ingress`.
    m_axis_tdata, m_axis_tvalid, m_axis_tready, m_axis_tlast
        Outputs, see :class:`hdl.axi.egress.Egress`.
    frame_error : Out(1)
        A frame did not end where it should have; stays high until reset.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        super().__init__(
            {
                "s_axis_tdata": In(self.ingress.data_bits),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(self.egress.data_bits),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "frame_error": Out(1),
            }
        )

    @cached_property
    def ingress(self) -> IngressConfig:
        """How frames come in."""
        return self.design.ingress

    @cached_property
    def egress(self) -> EgressConfig:
        """How outputs leave."""
        return self.design.egress

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The design's stages."""
        return self.design.stages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ingress = ingress = Ingress(self.ingress)
        m.submodules.egress = egress = Egress(self.egress)
        m.d.comb += [
            ingress.i.tdata.eq(self.s_axis_tdata),
            ingress.i.tvalid.eq(self.s_axis_tvalid),
            ingress.i.tlast.eq(self.s_axis_tlast),
            self.s_axis_tready.eq(ingress.i.tready),
            self.m_axis_tdata.eq(egress.o.tdata),
            self.m_axis_tvalid.eq(egress.o.tvalid),
            self.m_axis_tlast.eq(egress.o.tlast),
            egress.o.tready.eq(self.m_axis_tready),
            self.frame_error.eq(ingress.frame_error),
        ]
        flowing = ingress.o
        for stage in self.stages:
            component = platform.stage(stage) if hasattr(platform, "stage") else stage.component(stage.config)
            m.submodules[stage.name] = component
            _join(m, flowing, component.i)
            flowing = component.o
        _join(m, flowing, egress.i)
        return m


def _join(m: Module, source: wiring.PureInterface, sink: wiring.PureInterface) -> None:
    """Connect two streams whose payloads have the same bits under another name."""
    m.d.comb += [
        Value.cast(sink.payload).eq(Value.cast(source.payload)),
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
    ]
