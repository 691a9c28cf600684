"""How long a design takes: a bound for every input, and exact where time does not depend on data."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hdl.design import Design

__all__ = ["Prediction", "StageTime", "predict", "shared_interval"]

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
    interval_cycles : int or float
        From a frame's last output beat to the next frame's, frames back to back; of several instances the
        mean over as many frames.
    latency_cycles : int
        From the first accepted input beat of a frame that enters an idle pipeline to its last output beat.
    interval_exact, latency_exact : bool
        Whether the figure is the same for every input, else a bound that holds for every input.
    stages : tuple of StageTime
        Ingress first, egress last; each of the others is there once an instance.
    bottleneck : str
        The stage that sets the interval: all instances share the ends, and nothing else.
    instances : int
    """

    interval_cycles: int | float
    latency_cycles: int
    interval_exact: bool
    latency_exact: bool
    stages: tuple[StageTime, ...]
    bottleneck: str
    instances: int


def predict(design: Design) -> Prediction:
    """Follow frames through the pipeline by the stages' own timing rules.

    Streams between stages are taken as never full. A stage that waits for a later one then leaves
    later than this says, but the later one is what it waits for, so the output is not late. Instances
    are followed as they take frames in turn.
    """
    instances = design.instances
    ends, paces = _follow(design)
    shared = {"ingress", "egress"}
    slowest = max(paces, key=lambda name: paces[name] * (instances if name in shared else 1))
    constant = {stage.name: getattr(stage.config, "constant_time", True) for stage in design.stages}
    return Prediction(
        # Ends of frames may alternate by a cycle where arrays take turns.
        interval_cycles=shared_interval(int(ends[-1] - ends[-1 - 2 * instances]), 2 * instances),
        latency_cycles=int(ends[0]),
        interval_exact=constant.get(slowest, True),
        latency_exact=all(constant.values()),
        stages=tuple(StageTime(name, pace) for name, pace in paces.items()),
        bottleneck=slowest,
        instances=instances,
    )


def shared_interval(cycles: int, instances: int) -> int | float:
    """Return the cycles between frames of which so many pass in `cycles`.

    >>> shared_interval(784, 4), shared_interval(785, 2)
    (196, 392.5)
    """
    return cycles // instances if cycles % instances == 0 else cycles / instances


def _follow(design: Design) -> tuple[np.ndarray, dict[str, int]]:
    """Return when each frame's last output beat is offered, and the pace of each stage on its own."""
    instances, count = design.instances, FRAMES * design.instances
    times = np.zeros(count * design.source.beats, dtype=np.int64)
    paces = {"ingress": _pace(design.ingress, len(times), count)}
    times = design.ingress.timing(times).offered
    if instances > 1:
        times = design.distribute.timing(times).offered
    outputs = np.zeros((count, design.target.beats), dtype=np.int64)
    passed: dict[bytes, np.ndarray] = {}
    for number in range(instances):
        flowing = times.reshape(count, -1)[number::instances].reshape(-1)
        first = flowing[0]
        # What comes likewise, only later, leaves likewise.
        coming = (flowing - first).tobytes()
        if coming not in passed:
            for stage in design.stages:
                if not passed:
                    paces[stage.name] = _pace(stage.config, len(flowing), FRAMES)
                flowing = stage.config.timing(flowing).offered
            passed[coming] = flowing - first
        outputs[number::instances] = (passed[coming] + first).reshape(FRAMES, -1)
    times = outputs.reshape(-1)
    if instances > 1:
        times = design.gather.timing(times).offered
    paces["egress"] = _pace(design.egress, len(times), count)
    return design.egress.timing(times).offered.reshape(count, -1)[:, -1], paces


def _pace(config: Any, beats: int, frames: int) -> int:
    """Return the cycles between frames of a stage whose input never runs dry."""
    ends = config.timing(np.zeros(beats, dtype=np.int64)).offered.reshape(frames, -1)[:, -1]
    return int(ends[-1] - ends[-2])
