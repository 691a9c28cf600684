"""Windows that need not hurry → windows with shorter paths."""

from dataclasses import replace

from hdl.conv.window import WindowConfig
from hdl.design import Design

__all__ = ["ease"]


def ease(design: Design) -> Design:
    """Return the design with windows that rest and fetch lazily where that keeps up with the slowest stage.

    An array that skips zeros rests on how long a window stands, and keeps the one that it was given.
    """
    slowest = max((stage.config.cycles_per_frame for stage in design.stages), default=0)
    stages = list(design.stages)
    for place, stage in enumerate(stages):
        if isinstance(stage.config, WindowConfig):
            may_rest = stages[place + 1].kind != "zero_skip"
            stages[place] = replace(stage, config=_eased(stage.config, slowest, may_rest))
    return replace(design, stages=tuple(stages))


def _eased(config: WindowConfig, most_cycles: int, may_rest: bool) -> WindowConfig:
    """Return the calmest window that takes no more cycles."""
    calmer = [replace(config, hold_cycles=max(2, config.hold_cycles)) if may_rest else config]
    if calmer[0].rests and config.holders == 1:
        calmer.insert(0, replace(calmer[0], lazy=True))
    return next((one for one in calmer if one.cycles_per_frame <= most_cycles), config)
