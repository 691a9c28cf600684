"""The whole design as one component: AXI4-Stream in, a pipeline of stages, AXI4-Stream out."""

from functools import cached_property

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.egress import Egress, EgressConfig
from hdl.axi.ingress import Ingress, IngressConfig
from hdl.design import Design, Stage
from hdl.memory.loading import join_chain, lead_chain, loading_ports
from hdl.replication.distribute import Distribute
from hdl.replication.gather import Gather
from hdl.streams.watchdog import STUCK_BITS, StreamWatch, Watchdog, watched_state

__all__ = ["Accelerator", "Pipeline"]


class Accelerator(wiring.Component):
    """Run a design: frames come in on `s_axis`, outputs leave on `m_axis`, frame behind frame.

    Several instances take frames as they have room; outputs leave in the order of the frames all the same.
    Where the platform has the methods `stage(stage)` and `pipeline(pipeline)`, these make the hardware of a
    stage and of an instance (the emitter gives each its own Verilog file, which all instances share);
    otherwise the components are elaborated in place.

    Timing
    ------
    That of the slowest stage, shared among the instances; full backpressure.

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
    stuck : Out(16), if the design has a watchdog
        See :class:`hdl.streams.watchdog.Watchdog`; numbers are places in `design.watched`.
    load : In(Chain()), loaded : Out(Chain())
        If `design.loads`: contents of memories, stage by stage, into all instances at once. Between the start
        of a load and the reset that must follow it, outputs are undefined.
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
                **({"stuck": Out(STUCK_BITS)} if design.watchdog else {}),
                **loading_ports(design.loads),
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
        if self.design.instances == 1:
            streams = _join_stages(m, self, self.stages, ingress.o, platform)
            flowing = streams[-1]
            self._watch(m, [_watch_streams(m, streams)] if self.design.watchdog else [], 0)
        else:
            flowing = self._join_instances(m, ingress.o, platform)
        _join(m, flowing, egress.i)
        return m

    def _watch(self, m: Module, states: list[Value], turn: Value | int) -> None:
        """Put in the watchdog, if the design has one."""
        if self.design.watchdog is None:
            return
        m.submodules.watchdog = watchdog = Watchdog(self.design.watchdog)
        m.d.comb += [Value.cast(port).eq(state) for port, state in zip(watchdog.states, states, strict=True)]
        m.d.comb += [watchdog.turn.eq(turn), self.stuck.eq(watchdog.stuck)]
        for side in "sm":
            for name in ("valid", "ready", "last"):
                m.d.comb += getattr(watchdog, f"{side}_{name}").eq(getattr(self, f"{side}_axis_t{name}"))

    def _join_instances(self, m: Module, source: stream.Interface, platform: object) -> stream.Interface:
        m.submodules.distribute = distribute = Distribute(self.design.distribute)
        m.submodules.gather = gather = Gather(self.design.gather)
        _join(m, source, distribute.i)
        _join(m, distribute.chosen, gather.chosen)
        states = []
        for number in range(self.design.instances):
            pipeline = Pipeline(self.design)
            if hasattr(platform, "pipeline"):
                pipeline = platform.pipeline(pipeline)
            m.submodules[f"instance_{number}"] = pipeline
            if self.design.loads:
                join_chain(m, self.load, pipeline.load)
            if self.design.loads and not number:
                join_chain(m, pipeline.loaded, self.loaded)
            _join(m, distribute.o[number], pipeline.i)
            _join(m, pipeline.o, gather.i[number])
            states += [Value.cast(pipeline.state)] if self.design.watchdog else []
        self._watch(m, states, gather.turn)
        return gather.o


class Pipeline(wiring.Component):
    """One instance of a design's stages.

    Parameters
    ----------
    design : Design

    Members
    -------
    i : In(stream.Signature(design.source.payload))
    o : Out(stream.Signature(design.target.payload))
    state : Out(watched_state(design.watchdog.streams)), if the design has a watchdog
    load : In(Chain()), loaded : Out(Chain())
        If `design.loads`.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        super().__init__(
            {
                "i": In(stream.Signature(design.source.payload)),
                "o": Out(stream.Signature(design.target.payload)),
                **({"state": Out(watched_state(design.watchdog.streams))} if design.watchdog else {}),
                **loading_ports(design.loads),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        streams = _join_stages(m, self, self.design.stages, wiring.flipped(self.i), platform)
        _join(m, streams[-1], wiring.flipped(self.o))
        if self.design.watchdog:
            m.d.comb += Value.cast(self.state).eq(_watch_streams(m, streams))
        return m


def _join_stages(
    m: Module, holder: wiring.Component, stages: tuple[Stage, ...], flowing: wiring.PureInterface,
    platform: object,
) -> list[wiring.PureInterface]:  # fmt: skip
    """Put stages behind a stream, and those that can be loaded on a chain; return all streams, in order."""
    streams, loadable = [flowing], []
    for stage in stages:
        component = platform.stage(stage) if hasattr(platform, "stage") else stage.component(stage.config)
        m.submodules[stage.name] = component
        _join(m, streams[-1], component.i)
        streams.append(component.o)
        if getattr(stage.config, "loads", False):
            loadable.append(component)
    if loadable:
        lead_chain(m, holder, loadable)
    return streams


def _watch_streams(m: Module, streams: list[wiring.PureInterface]) -> Value:
    """Watch the streams of an instance; return what is known of them."""
    m.submodules.watch = watch = StreamWatch(len(streams))
    m.d.comb += [
        watch.valid.eq(Cat(each.valid for each in streams)),
        watch.ready.eq(Cat(each.ready for each in streams)),
    ]
    return Value.cast(watch.state)


def _join(m: Module, source: wiring.PureInterface, sink: wiring.PureInterface) -> None:
    """Connect two streams whose payloads have the same bits under another name."""
    m.d.comb += [
        Value.cast(sink.payload).eq(Value.cast(source.payload)),
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
    ]
