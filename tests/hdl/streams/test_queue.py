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


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_payloads_pass_when_predicted(depth):
    config = QueueConfig(bits=4, depth=depth)
    run = run_stream(Queue(config), list(range(10)), 10)
    assert run.keeps_to(config.timing(np.zeros(10, dtype=int)))
    paused = run_stream(Queue(config), list(range(10)), 10, stall="source")
    assert paused.keeps_to(config.timing(paused.accepted))


@pytest.mark.parametrize(("bits", "depth", "text"), [(0, 2, "bits must be"), (2, 0, "depth must be")])
def test_queue_rejects_wrong_sizes(bits, depth, text):
    with pytest.raises(ValueError, match=text):
        QueueConfig(bits=bits, depth=depth)
