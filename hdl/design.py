"""A design: which components, joined how. Streams of unlike shape cannot be joined."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from amaranth.lib import wiring

from hdl.axi.egress import EgressConfig
from hdl.axi.ingress import IngressConfig
from hdl.conv.window import WindowFormat
from hdl.memory.loading import Contents
from hdl.replication.distribute import DistributeConfig
from hdl.replication.gather import GatherConfig
from hdl.streams.formats import DenseFormat, StreamFormat
from hdl.streams.watchdog import WatchdogConfig

__all__ = ["Design", "Stage"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """One component of a pipeline.

    Parameters
    ----------
    name : str
        Unique in its design; also the name of the instance in Verilog.
    kind : str
        What it does, for reports.
    config : object
        The component's configuration: `timing(arrivals)` and `cycles_per_frame`.
    component : type
        Makes the hardware from `config`; its ports are streams `i` and `o`.
    source, target : StreamFormat or WindowFormat
        What flows in and out.
    layer : str or None
        The graph's value that `target` carries; None where it carries none as a whole.
    """

    name: str
    kind: str
    config: Any
    component: Callable[[Any], wiring.Component] = field(repr=False)
    source: StreamFormat | WindowFormat
    target: StreamFormat | WindowFormat
    layer: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """A pipeline of stages from one input stream to one output stream.

    The input is cut into beats by `source`; the output leaves in natural order. With several `instances`,
    each runs all stages, and they share both streams. With `watchdog_cycles`, a watchdog tells when nothing
    has moved for so long though a frame is on its way, and where.
    """

    name: str
    source: DenseFormat
    stages: tuple[Stage, ...]
    instances: int = 1
    watchdog_cycles: int | None = None

    def __post_init__(self) -> None:
        flowing = self.source
        for stage in self.stages:
            if stage.source != flowing:
                raise ValueError(f"{stage.name}: takes {stage.source}, but is given {flowing}")
            flowing = stage.target
        if not isinstance(flowing, DenseFormat):
            raise ValueError(f"the last stream must be dense, not {flowing}")
        names = [stage.name for stage in self.stages]
        if len(names) != len(set(names)):
            raise ValueError(f"stage names must be unique, not {names}")

    @property
    def ingress(self) -> IngressConfig:
        """How frames come in."""
        return IngressConfig(target=self.source)

    @property
    def egress(self) -> EgressConfig:
        """How outputs leave."""
        return EgressConfig(source=self.target)

    @property
    def distribute(self) -> DistributeConfig:
        """How several instances are given frames."""
        return DistributeConfig(source=self.source, instances=self.instances)

    @property
    def gather(self) -> GatherConfig:
        """How the outputs of several instances come together.

        A stage is at work on at most the end of one frame and the beginning of the next.
        """
        frames = 2 * self.instances * (2 + len(self.stages))
        return GatherConfig(target=self.target, instances=self.instances, frames=frames)

    @property
    def watchdog(self) -> WatchdogConfig | None:
        """How the design is watched: the stream into an instance, and those out of its stages."""
        if self.watchdog_cycles is None:
            return None
        streams = 1 + len(self.stages)
        return WatchdogConfig(streams=streams, instances=self.instances, cycles=self.watchdog_cycles)

    @property
    def watched(self) -> tuple[str, ...]:
        """The names of all streams, in the order of their numbers for the watchdog."""
        names = ["input", *(stage.name for stage in self.stages)]
        if self.instances > 1:
            names = [f"instance_{number}.{name}" for number in range(self.instances) for name in names]
        return ("s_axis", *names, "m_axis")

    @property
    def loads(self) -> bool:
        """Whether the weights of any stage can be loaded."""
        return any(getattr(stage.config, "loads", False) for stage in self.stages)

    def contents(self) -> dict[str, list[Contents]]:
        """Return what the memories that can be loaded hold, by stage, in the order of the chain."""
        loading = [stage for stage in self.stages if getattr(stage.config, "loads", False)]
        return {stage.name: stage.config.contents() for stage in loading}

    @property
    def target(self) -> DenseFormat:
        """What leaves the last stage."""
        return self.stages[-1].target if self.stages else self.source
