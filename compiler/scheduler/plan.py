"""One way to build a network on a board: what it takes, how fast it is, and what holds it back."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from boards import Board
from compiler.ir.schedule import Schedule
from compiler.lowering import Prediction
from hdl.cost import cost_of
from hdl.design import Design
from hdl.resources import Resources, fabric_of, total

__all__ = ["Plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """A schedule and the design that follows from it.

    Parameters
    ----------
    board : Board
    schedule : Schedule
    design : Design
        With queues.
    predicted : Prediction
        Its times.
    """

    board: Board
    schedule: Schedule
    design: Design
    predicted: Prediction

    @cached_property
    def stages(self) -> dict[str, Resources]:
        """What each stage takes, predicted."""
        fabric = fabric_of(self.board.lut_inputs)
        configs = {stage.name: stage.config for stage in self.design.stages}
        configs = {"ingress": self.design.ingress, **configs, "egress": self.design.egress}
        return {name: cost_of(config, fabric) for name, config in configs.items()}

    @cached_property
    def need(self) -> dict[str, float]:
        """What one instance takes of each resource that the board names."""
        return self.named(total(list(self.stages.values())))

    def named(self, amount: Resources) -> dict[str, float]:
        """Return an amount by the board's names, in their order."""
        return dict(zip(self.board.resources, asdict(amount).values(), strict=True))

    @cached_property
    def shares(self) -> dict[str, float]:
        """Need ÷ budget of each resource; infinite for what is needed and not there."""
        return {
            name: (need / budget if budget else float("inf")) if need else 0.0
            for (name, need), budget in zip(self.need.items(), self.board.budget.values(), strict=True)
        }

    @property
    def limiting(self) -> str:
        """The resource of which one instance takes the largest share of the budget."""
        return max(self.shares, key=self.shares.__getitem__)

    @property
    def fitting(self) -> int:
        """Instances within the budget of every resource."""
        return int(1 / self.shares[self.limiting])

    @property
    def interval(self) -> int:
        """Cycles between frames, predicted."""
        return self.predicted.interval_cycles

    def frames_per_second(self, instances: int = 1) -> float:
        """Return instances × clock ÷ interval."""
        return instances * self.board.clock_mhz * 1e6 / self.interval

    @property
    def worst_stage(self) -> str:
        """The stage that takes most of the limiting resource."""
        return max(self.stages, key=lambda name: self.named(self.stages[name])[self.limiting])

    def to_json(self) -> dict[str, Any]:
        """Return what the report tells of one instance: needs, limits, stages."""
        available, budget = self.board.resources, self.board.budget
        return {
            "source": "predicted",
            "interval_cycles": self.interval,
            "frames_per_second": self.frames_per_second(),
            "bottleneck": self.predicted.bottleneck,
            "limiting": {
                "resource": self.limiting,
                "share": self.shares[self.limiting],
                "stage": self.worst_stage,
            },
            "resources": {
                name: {"need": need, "budget": budget[name], "available": available[name]}
                for name, need in self.need.items()
            },
            "stages": {name: self.named(amount) for name, amount in self.stages.items()},
            "fill": {"instances": self.fitting, "frames_per_second": self.frames_per_second(self.fitting)},
        }
