"""Try interval after interval, each in the least hardware that keeps up, and take the best for the board."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from boards import Board
from compiler.errors import DoesNotFit, Problem
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerOp
from compiler.lowering import lower, predict, size_queues
from compiler.passes.choose_folding import ChooseFolding
from compiler.passes.prices import price_lists
from compiler.scheduler.move_words import move_words
from compiler.scheduler.plan import BUS, Plan
from compiler.scheduler.shorten_queues import shorten_queues

__all__ = ["Choice", "Scheduler"]

STEP = 2 ** (1 / 4)
"""Ratio of an interval to the next one that is tried."""

PATIENCE = 4
"""Intervals in a row that may be worse than the best before the search ends: an octave."""

FASTER = 4
"""Intervals that are tried with several positions at a time; to fill a board, as many as `PATIENCE` lets."""

NEARLY = 0.9
"""What a plan reaches of the best, if intervals on both sides of its own are tried, too."""

FAR_TOO_LARGE, SHRINKING = 2, 0.98
"""Share of the budget above which a plan must become as much smaller from one interval to the next."""

SLACK = 4
"""How much longer than its predicted interval a goal may be before nothing smaller is expected."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The plan that was taken, how many instances of it, and the next faster plan that was not taken.

    Parameters
    ----------
    plan : Plan
        Of one instance.
    instances : int
        At least 1.
    faster : Plan or None
        The next step up of those tried, whether it fits or not; None if nothing faster was tried.
    """

    plan: Plan
    instances: int
    faster: Plan | None

    def to_json(self) -> dict[str, Any]:
        """Return what the report tells of it."""
        faster = None if self.faster is None else self.faster.to_json()
        if faster is not None:
            del faster["stages"]
            faster["fits"] = self.faster.fitting > 0
        return {**self.plan.to_json(), "instances": self.instances, "faster": faster}


@dataclass(frozen=True)
class Scheduler:
    """Before: an integer graph. After: the same graph, and how to build it. Exact.

    Without a wish, the plan with which a board filled with instances answers most frames a second: one
    instance of it makes the best use of its share. Plans are tried an octave beyond those that compute one
    position of the input at a time; to fill a board or to reach a rate, as far as they get better.

    Parameters
    ----------
    board : Board
    interval_cycles : int, optional
        The least hardware that keeps within it.
    frames_per_second : float, optional
        The plan and the instances that take the least share of the board of those that are as fast.
    instances : int
        How many; at least 1.
    fill : bool
        As many instances as fit, and as one bus can feed.
    reloadable : bool
        Sparse weights lie in memories that can be loaded, which take more.
    progress : called with what is tried next, optional
    """

    board: Board
    interval_cycles: int | None = None
    frames_per_second: float | None = None
    instances: int = 1
    fill: bool = False
    reloadable: bool = False
    progress: Callable[[str], None] | None = None

    def __call__(self, graph: Graph[IntegerOp]) -> Choice:
        """Return the choice. Raises DoesNotFit if nothing that keeps to the wishes fits the budget."""
        if self.interval_cycles is not None:
            plans = self._at(graph, self.interval_cycles)
            what = f"an interval of {self.interval_cycles} cycles"
            remedy = "ask for a longer --interval"
        else:
            plans = self._plans(graph)
            what, remedy = "the smallest design", "choose a larger board, or a network with fewer weights"
        fitting = [plan for plan in plans if plan.fitting >= self.instances]
        if not fitting:
            if self.instances > 1:
                what, remedy = f"{self.instances} instances, {what} each,", "ask for fewer --instances"
            raise self._refusal(_smallest(plans), what, remedy)
        if self.frames_per_second is not None:
            best, instances = self._least(fitting, self.frames_per_second)
        else:
            best = max(fitting, key=lambda plan: (plan.filled, plan.interval))
            instances = best.useful if self.fill else self.instances
        faster = [plan for plan in plans if plan.interval < best.interval]
        return Choice(best, instances, max(faster, key=lambda plan: plan.interval, default=None))

    def _at(self, graph: Graph[IntegerOp], interval: int) -> list[Plan]:
        """Return the plans for an interval. Raises DoesNotFit if there is none."""
        schedules = [ChooseFolding(self.board, interval, prices)(graph) for prices in price_lists(self.board)]
        plans = []
        for chosen in dict.fromkeys(schedules):
            schedule = replace(chosen, reloadable=self.reloadable)
            design = size_queues(lower(graph, schedule))
            plan = Plan(self.board, graph, schedule, design, predict(design))
            plans.append(move_words(shorten_queues(plan)))
        return plans

    def _best_at(self, graph: Graph[IntegerOp], interval: int) -> Plan | None:
        """Return the best plan for an interval if there is one."""
        if self.progress:
            self.progress(f"{interval:,} cycles")
        try:
            return max(self._at(graph, interval), key=lambda plan: plan.filled)
        except DoesNotFit:
            return None

    def _plans(self, graph: Graph[IntegerOp]) -> list[Plan]:
        """Return plans from fast to slow, as far as they are worth trying."""
        start = ChooseFolding(self.board)(graph).interval_cycles
        plans = list(self._walk(graph, start, STEP))
        best = max(plans, key=lambda plan: plan.filled, default=None)
        if best and best.filled and best.filling_limit != BUS:
            far = self.fill or self.frames_per_second is not None
            plans += islice(self._walk(graph, start / STEP, 1 / STEP), None if far else FASTER)
            most = max(plan.filled for plan in plans)
            good = [plan.schedule.interval_cycles for plan in plans if plan.filled >= NEARLY * most]
            near = {int(interval * STEP**part) for interval in good for part in (-0.5, 0.5)}
            plans += filter(None, (self._best_at(graph, interval) for interval in sorted(near)))
        return sorted(plans, key=lambda plan: plan.interval)

    def _walk(self, graph: Graph[IntegerOp], interval: float, step: float) -> Iterator[Plan]:
        """Yield plans until they stop getting better, or cannot be made, or will not fit."""
        best, worse, least = 0.0, 0, math.inf
        while worse < PATIENCE:
            plan = self._best_at(graph, int(interval))
            if plan is None or interval > SLACK * plan.interval:
                return
            yield plan
            share = max(plan.shares.values())
            shrinks = not best and (share < FAR_TOO_LARGE or share < SHRINKING * least)
            worse = 0 if plan.filled > best or shrinks else worse + 1
            best, least = max(best, plan.filled), min(least, share)
            interval *= step

    def _least(self, fitting: list[Plan], rate: float) -> tuple[Plan, int]:
        """Return the plan and the instances that are fast enough in the least share of the board."""
        needed = {plan: math.ceil(rate / plan.frames_per_second()) for plan in fitting}
        enough = [plan for plan in fitting if needed[plan] <= plan.useful and plan.filled >= rate]
        if enough:
            best = min(enough, key=lambda plan: needed[plan] * plan.shares[plan.limiting])
            return best, needed[best]
        most = max(fitting, key=lambda plan: plan.filled)
        resource = most.limiting
        share = f"of which each takes {most.need[resource]:,g} of {self.board.budget[resource]:,} {resource}"
        if most.filling_limit != resource:
            share = f"more than which one {most.filling_limit} does not feed"
        made = f"{most.filled:,.0f} frames/s is what {most.useful} instances make"
        what = f"{made}, {share}; not {rate:,.0f}"
        raise DoesNotFit(Problem(most.worst_stage, what, "ask for less, or choose a larger board"))

    def _refusal(self, plan: Plan, what: str, remedy: str) -> DoesNotFit:
        """Return the error that names the resource, the need, the limit and the worst stage."""
        resource = plan.limiting
        here = plan.named(plan.stages[plan.worst_stage])[resource]
        need = f"{what} needs {plan.need[resource] * self.instances:,g} {resource}, {here:,g} of them here"
        limit = f"{self.board.budget[resource]:,} of its {self.board.resources[resource]:,}"
        return DoesNotFit(Problem(plan.worst_stage, f"{need}, but {self.board.name} offers {limit}", remedy))


def _smallest(plans: list[Plan]) -> Plan:
    return min(plans, key=lambda plan: plan.shares[plan.limiting])
