"""One way to build a network on a board: what it takes, how fast it is, and what holds it back."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from boards import Board
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerOp
from compiler.ir.schedule import Schedule
from compiler.lowering import Prediction, widen
from compiler.passes.replicate import Replicate
from hdl.cost import cost_of
from hdl.design import Design
from hdl.resources import Resources, fabric_of, total

__all__ = ["Plan"]

BUS = "bus"
"""What limits a filled board whose one bus brings no more frames."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A schedule of one instance, the design that follows from it, and how many of them a board holds.

    Parameters
    ----------
    board : Board
    graph : Graph of integer operations
    schedule : Schedule
    design : Design
        With queues.
    predicted : Prediction
        Its times.
    """

    board: Board
    graph: Graph[IntegerOp]
    schedule: Schedule
    design: Design
    predicted: Prediction

    @cached_property
    def stages(self) -> dict[str, Resources]:
        """What each stage takes, predicted."""
        configs = {stage.name: stage.config for stage in self.design.stages}
        configs = {"ingress": self.design.ingress, **configs, "egress": self.design.egress}
        return {name: self._cost(config) for name, config in configs.items()}

    @cached_property
    def need(self) -> dict[str, float]:
        """What one instance takes of each resource that the board names."""
        return self.named(total(list(self.stages.values())))

    def need_of(self, instances: int) -> dict[str, float]:
        """Return what several instances take, with what hands out frames and gathers outputs."""
        if instances == 1:
            return self.need
        wide = self.replicated(instances)
        shared = [self._cost(config) for config in (wide.ingress, wide.egress, wide.distribute, wide.gather)]
        before = wide.stages[: len(wide.stages) - len(self.design.stages)]
        each = [self._cost(stage.config) for stage in before]
        each += [amount for name, amount in self.stages.items() if name not in ("ingress", "egress")]
        return self.named(total([*shared, instances * total(each)]))

    def replicated(self, instances: int) -> Design:
        """Return the design with several instances behind a bus that is wide enough, if one is."""
        columns = self.replicate(instances).bus_columns
        return widen(self.design, columns or self.schedule.input_columns, instances)

    def replicate(self, instances: int) -> Schedule:
        """Return the schedule of several instances; the bus keeps their pace, which may be above the goal."""
        paced = replace(self.schedule, interval_cycles=int(self.interval))
        return replace(Replicate(instances)(self.graph, paced), interval_cycles=self.schedule.interval_cycles)

    def _cost(self, config: Any) -> Resources:
        return cost_of(config, fabric_of(self.board.lut_inputs))

    def named(self, amount: Resources) -> dict[str, float]:
        """Return an amount by the board's names, in their order."""
        return dict(zip(self.board.resources, asdict(amount).values(), strict=True))

    @cached_property
    def shares(self) -> dict[str, float]:
        """Need ÷ budget of each resource; infinite for what is needed and not there."""
        return self.shares_of(self.need)

    def shares_of(self, need: dict[str, float]) -> dict[str, float]:
        """Return amount ÷ budget of each resource, as `shares` does of one instance."""
        return {
            name: (amount / budget if budget else float("inf")) if amount else 0.0
            for (name, amount), budget in zip(need.items(), self.board.budget.values(), strict=True)
        }

    @property
    def limiting(self) -> str:
        """The resource of which one instance takes the largest share of the budget."""
        return max(self.shares, key=self.shares.__getitem__)

    @cached_property
    def fitting(self) -> int:
        """Instances within the budget of every resource."""
        instances = int(1 / self.shares[self.limiting])
        while instances > 1 and max(self.shares_of(self.need_of(instances)).values()) > 1:
            instances -= 1
        return instances

    @cached_property
    def useful(self) -> int:
        """Instances that fit and that one bus can keep busy, or the first that it cannot keep so wholly."""
        return max(1, min(self.fitting, -int(-self.interval // self.fewest_cycles))) if self.fitting else 0

    @cached_property
    def fewest_cycles(self) -> int:
        """Cycles between frames that the widest bus and the output allow, however many instances."""
        wide = self.replicated(max(2, self.fitting))
        return max(wide.ingress.cycles_per_frame, wide.egress.cycles_per_frame)

    @property
    def filling_limit(self) -> str:
        """What keeps a filled board from answering more frames: a resource, or the bus."""
        return BUS if self.useful < self.fitting else self.limiting

    @property
    def interval(self) -> int | float:
        """Cycles between frames, predicted."""
        return self.predicted.interval_cycles

    def frames_per_second(self, instances: int = 1) -> float:
        """Return clock ÷ interval of so many instances, behind one bus."""
        cycles = self.interval / max(instances, 1)
        cycles = max(cycles, self.fewest_cycles) if instances > 1 else cycles
        return self.board.clock_mhz * 1e6 / cycles if instances else 0.0

    @cached_property
    def filled(self) -> float:
        """Frames a second of the board filled with instances."""
        return self.frames_per_second(self.useful)

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
            "fill": {
                "instances": self.useful,
                "frames_per_second": self.filled,
                "limit": self.filling_limit,
                "resources": self.need_of(self.useful) if self.useful else None,
            },
        }
