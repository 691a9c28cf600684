"""Put queues where a stage delivers faster than the next one takes, just deep enough."""

from dataclasses import replace

import numpy as np

from compiler.lowering.predict import FRAMES, predict
from hdl.design import Design, Stage
from hdl.streams.queue import DEEP, Queue, QueueConfig

__all__ = ["size_queues"]


def size_queues(design: Design) -> Design:
    """Return the design with queues that let its slowest stage work without a pause.

    Frames are followed through the pipeline at the pace of its slowest stage, all stages taking as long
    as they ever can. A queue holds the most beats that ever wait between two stages. So this
    schedule is possible with the queues as they are; and because a stage that is ready earlier never
    makes another one later, no input is slower. In front of the first stage the source just waits, and so
    does what cuts the beats of a bus for one of several instances.
    """
    pace = predict(replace(design, instances=1)).interval_cycles
    frame = np.arange(design.source.beats, dtype=np.int64)
    times = np.concatenate([frame + number * pace for number in range(FRAMES)])
    times = design.ingress.timing(times).offered
    stages: list[Stage] = []
    for stage in design.stages:
        depth = _most_waiting(times, stage.config.timing(times).accepted)
        waits = not stages or (design.instances > 1 and stages[-1].source == design.source)
        if depth > 1 and not waits and stages[-1].kind != "window":
            stages.append(_queue(stage, depth))
            times = stages[-1].config.timing(times).offered
        times = stage.config.timing(times).offered
        stages.append(stage)
    return replace(design, stages=tuple(stages))


def _most_waiting(offered: np.ndarray, accepted: np.ndarray) -> int:
    """Return the most beats that wait, or pass, in one cycle."""
    passed = np.searchsorted(accepted, offered, side="left")
    return int((np.arange(1, len(offered) + 1) - passed).max())


def _queue(stage: Stage, depth: int) -> Stage:
    """Return a queue in front of a stage; a payload takes a cycle to pass it, or three."""
    passing = 3 if depth >= DEEP else 1
    config = QueueConfig(bits=stage.source.payload.size, depth=depth + passing, registered=passing > 1)
    return Stage(
        name=f"{stage.name}_queue",
        kind="queue",
        config=config,
        component=Queue,
        source=stage.source,
        target=stage.source,
    )
