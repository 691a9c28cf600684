"""The queue keeps order and payloads under every stall, at the latency it states."""

import numpy as np
import pytest

from hdl.resources import ECP5
from hdl.streams.queue import Queue, QueueConfig
from tests.hdl.bench import STALLS, run_stream


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize(("depth", "registered"), [(1, False), (2, False), (5, False), (5, True), (9, True)])
def test_queue_passes_every_payload_in_order(depth, registered, stall):
    beats = [int(b) for b in np.random.default_rng(depth).integers(0, 2**13, 40)]
    config = QueueConfig(bits=13, depth=depth, registered=registered)
    assert run_stream(Queue(config), beats, len(beats), stall=stall).beats == beats


@pytest.mark.parametrize(("depth", "registered"), [(1, False), (2, False), (3, False), (5, True), (8, True)])
def test_payloads_pass_when_predicted(depth, registered):
    config = QueueConfig(bits=4, depth=depth, registered=registered)
    run = run_stream(Queue(config), list(range(10)), 10)
    assert run.keeps_to(config.timing(np.zeros(10, dtype=int)))
    paused = run_stream(Queue(config), list(range(10)), 10, stall="source")
    assert paused.keeps_to(config.timing(paused.accepted))


@pytest.mark.parametrize(("bits", "depth", "text"), [(0, 2, "bits must be"), (2, 0, "depth must be")])
def test_queue_rejects_wrong_sizes(bits, depth, text):
    with pytest.raises(ValueError, match=text):
        QueueConfig(bits=bits, depth=depth)


def test_registers_behind_need_a_memory_in_front():
    with pytest.raises(ValueError, match="depth must be at least 5 with registers behind, not 4"):
        QueueConfig(bits=4, depth=4, registered=True)


def test_only_a_deep_queue_is_worth_block_ram():
    shallow, deep = (QueueConfig(bits=16, depth=depth, registered=True).cost(ECP5) for depth in (16, 700))
    assert (shallow.block_ram, deep.block_ram) == (0, 1)
    assert QueueConfig(bits=16, depth=700).cost(ECP5).block_ram == 0
