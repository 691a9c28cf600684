"""How long a design takes: a bound for every input, and exact where time does not depend on data."""

from dataclasses import dataclass

import numpy as np

from hdl.design import Design

__all__ = ["Prediction", "StageTime", "predict"]

FRAMES = 4
"""Frames followed; the pipeline runs at its steady pace after the first."""


@dataclass(frozen=True)
class StageTime:
    """Steady-state cycles between frames of one stage that is never kept waiting, at most."""

    name: str
    interval_cycles: int


@dataclass(frozen=True)
class Prediction:
    """Times of a design.

    Parameters
    ----------
    interval_cycles : int
        From a frame's last output beat to the next frame's, frames back to back.
    latency_cycles : int
        From the first accepted input beat of a frame that enters an idle pipeline to its last output beat.
    interval_exact, latency_exact : bool
        Whether the figure is the same for every input, else a bound that holds for every input.
    stages : tuple of StageTime
        Ingress first, egress last.
    """

    interval_cycles: int
    latency_cycles: int
    interval_exact: bool
    latency_exact: bool
    stages: tuple[StageTime, ...]

    @property
    def bottleneck(self) -> str:
        """The stage that sets the interval."""
        return max(self.stages, key=lambda stage: stage.interval_cycles).name


def predict(design: Design) -> Prediction:
    """Follow frames through the pipeline by the stages' own timing rules.

    Streams between stages are taken as never full. A stage that waits for a later one then leaves
    later than this says, but the later one is what it waits for, so the output is not late.
    """
    configs = [("ingress", design.ingress)]
    configs += [(stage.name, stage.config) for stage in design.stages]
    configs.append(("egress", design.egress))
    times = np.zeros(FRAMES * design.source.beats, dtype=np.int64)
    stages = []
    for name, config in configs:
        alone = _ends(config.timing(np.zeros(len(times), dtype=np.int64)).offered)
        stages.append(StageTime(name, int(alone[-1] - alone[-2])))
        times = config.timing(times).offered
    ends = _ends(times)
    slowest = max(stages, key=lambda stage: stage.interval_cycles)
    constant = {name: getattr(config, "constant_time", True) for name, config in configs}
    return Prediction(
        interval_cycles=int(ends[-1] - ends[-2]),
        latency_cycles=int(ends[0]),
        interval_exact=constant[slowest.name],
        latency_exact=all(constant.values()),
        stages=tuple(stages),
    )


def _ends(times: np.ndarray) -> np.ndarray:
    """Return the times of the frames' last beats."""
    return times.reshape(FRAMES, -1)[:, -1]
