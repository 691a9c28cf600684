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
    takers = [*design.stages[1:], None]
    stages = [
        replace(stage, config=_eased(stage.config, slowest, taker.kind != "zero_skip"))
        if isinstance(stage.config, WindowConfig) else stage
        for stage, taker in zip(design.stages, takers, strict=True)
    ]  # fmt: skip
    return replace(design, stages=tuple(stages))


def _eased(config: WindowConfig, most_cycles: int, may_rest: bool) -> WindowConfig:
    resting = replace(config, hold_cycles=max(2, config.hold_cycles)) if may_rest else config
    calmer = [replace(one, lazy=True) for one in (resting,) if one.rests and one.holders == 1]
    return next((one for one in (*calmer, resting) if one.cycles_per_frame <= most_cycles), config)
