"""Let k-WTA layers keep up with what comes in bursts where that takes less than queues to hold it."""

from dataclasses import replace

from compiler.lowering import lower, predict, size_queues
from compiler.scheduler.plan import Plan

__all__ = ["shorten_queues"]

WORTH_IT = 0.02
"""Share of a budget from which on a queue is looked at."""


def shorten_queues(plan: Plan) -> Plan:
    """Return the plan with as many lanes at each k-WTA layer as make its largest share least.

    Results stay, and the interval becomes no longer: a layer with more lanes is done earlier, and what is in
    front of it waits less.
    """
    for name, folding in plan.schedule.foldings:
        if folding.engine == "stream":
            plan = _shortened(plan, name)
    return plan


def _shortened(plan: Plan, name: str) -> Plan:
    """Return the best plan that differs in the lanes of one layer."""
    channels = plan.graph.node(name).output.shape[0]
    best = plan
    while _queue_share(plan, name) > WORTH_IT:
        lanes = plan.schedule.folding(name).lanes
        groups = -(-channels // lanes) - 1
        if not groups:
            break
        plan = _with_lanes(plan, name, -(-channels // groups))
        if max(plan.shares.values()) < max(best.shares.values()):
            best = plan
    return best


def _queue_share(plan: Plan, name: str) -> float:
    """Return the largest share of a budget that the queues in front of a layer take."""
    queues = [
        plan.named(cost)
        for stage, cost in plan.stages.items()
        if stage.startswith(f"{name}_") and stage.endswith("queue")
    ]
    return max((plan.shares_of(queue)[plan.limiting] for queue in queues), default=0.0)


def _with_lanes(plan: Plan, name: str, lanes: int) -> Plan:
    foldings = tuple(
        (layer, replace(folding, lanes=lanes) if layer == name else folding)
        for layer, folding in plan.schedule.foldings
    )
    schedule = replace(plan.schedule, foldings=foldings)
    design = size_queues(lower(plan.graph, schedule))
    return replace(plan, schedule=schedule, design=design, predicted=predict(design))
