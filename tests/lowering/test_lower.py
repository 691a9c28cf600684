"""The pipeline, in Amaranth's simulator, computes what the executor says."""

import numpy as np
import pytest

from benchmarks.networks import NETWORKS
from tests.compiled import accelerator, frames_and_answers
from tests.simulated import simulate


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("name", NETWORKS)
def test_amaranth_simulation_equals_the_executor(name, stall):
    hardware = accelerator(name)
    frames, answers = frames_and_answers(name, 2)
    words = simulate(hardware, frames, stall)
    step = hardware.egress.beats
    got = [hardware.egress.decode(words[n : n + step]) for n in range(0, len(words), step)]
    assert (np.array(got).reshape(answers.shape) == answers).all()
