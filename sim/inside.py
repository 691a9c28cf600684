"""Whether every internal stream carries what its layer must give, though outputs may hide that it does not.

A layer behind keeps few numbers of a wide one: a wrong number that wins nowhere, or is rounded away, does not
reach the output with these vectors, but may with others.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sim.contract import Contract
from sim.judge import Fault
from sim.locate import find_difference, place_of
from sim.recording import TapLog

__all__ = ["FRAMES", "ExpectedLayers", "fault_inside"]

FRAMES = 16
"""That are compared inside, the first of each run."""

ExpectedLayers = Callable[[list[int]], dict[str, np.ndarray]]
"""Gives the right tensors of the layers, int64[frames, channels, height, width], for numbers of frames."""


def fault_inside(
    contract: Contract, logs: list[TapLog], choices: Sequence[int], expected: Mapping[str, np.ndarray]
) -> Fault | None:
    """Return the first difference inside, or None.

    Parameters
    ----------
    contract : Contract
    logs : list of TapLog
        Of the streams of the contract, with the first frames of every instance.
    choices : sequence of int
        The instance that has each frame; nothing where there is only one.
    expected : dict of str to int64[frames, channels, height, width]
        What each layer must give for the first frames.
    """
    for frame in range(min(map(len, expected.values()), default=0)):
        instance, number = place_of(frame, choices)
        layers = {layer: tensors[frame] for layer, tensors in expected.items()}
        difference = find_difference(contract, logs, number, layers, instance)
        if difference:
            return Fault(frame, difference.cycle or 0, str(difference))
    return None
