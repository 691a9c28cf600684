"""The queue keeps order and payloads under every stall, at the latency it states."""

import numpy as np
import pytest

from hdl.streams.queue import Queue, QueueConfig
from tests.hdl.bench import STALLS, run_stream


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_queue_passes_every_payload_in_order(depth, stall):
    beats = [int(b) for b in np.random.default_rng(depth).integers(0, 2**13, 40)]
    run = run_stream(Queue(QueueConfig(bits=13, depth=depth)), beats, len(beats), stall=stall)
    assert run.beats == beats


def test_queue_has_the_latency_it_states():
    config = QueueConfig(bits=4, depth=3)
    run = run_stream(Queue(config), list(range(10)), 10)
    assert run.keeps_to(config.timing(run.accepted))


@pytest.mark.parametrize(("bits", "depth", "text"), [(0, 2, "bits must be"), (2, 0, "depth must be")])
def test_queue_rejects_wrong_sizes(bits, depth, text):
    with pytest.raises(ValueError, match=text):
        QueueConfig(bits=bits, depth=depth)
