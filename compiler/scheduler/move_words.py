"""Balance memories against logic: words of weights lie in block RAM where tables are dearer."""

from dataclasses import replace

from compiler.ir.schedule import Schedule
from compiler.scheduler.plan import Plan
from hdl.conv.in_turns import ConvInTurnsConfig
from hdl.conv.zero_skip import ZeroSkipConvConfig
from hdl.design import Stage

__all__ = ["move_words"]

ArrayConfig = ZeroSkipConvConfig | ConvInTurnsConfig


def move_words(plan: Plan) -> Plan:
    """Return the plan with the words of as many columns in block RAM as make its largest share least.

    Neither results nor times change: a word is fetched in a cycle wherever it lies.
    """
    for number, stage in enumerate(plan.design.stages):
        if isinstance(stage.config, ArrayConfig):
            plan = _best(plan, number, stage)
    return plan


def _best(plan: Plan, number: int, stage: Stage) -> Plan:
    """Return the best plan that differs in one stage."""
    config = stage.config
    columns = len((config.array if isinstance(config, ConvInTurnsConfig) else config).columns)
    none, every = plan.shares, _with_blocks(plan, number, columns).shares

    def largest(blocks: int) -> float:
        return max(none[name] + (every[name] - none[name]) * blocks / columns for name in none)

    return _with_blocks(plan, number, min(range(columns + 1), key=largest))


def _with_blocks(plan: Plan, number: int, blocks: int) -> Plan:
    """Return the plan with the words of so many columns of a stage's arrays in block RAM."""
    stage = plan.design.stages[number]
    if isinstance(stage.config, ConvInTurnsConfig):
        config = replace(stage.config, array=replace(stage.config.array, blocks=blocks))
    else:
        config = replace(stage.config, blocks=blocks)
    stages = list(plan.design.stages)
    stages[number] = replace(stage, config=config)
    schedule = _in_schedule(plan.schedule, stage.name, blocks)
    return replace(plan, schedule=schedule, design=replace(plan.design, stages=tuple(stages)))


def _in_schedule(schedule: Schedule, name: str, blocks: int) -> Schedule:
    foldings = tuple(
        (layer, replace(folding, blocks=blocks) if layer == name else folding)
        for layer, folding in schedule.foldings
    )
    return replace(schedule, foldings=foldings)
