"""A queue is a list: nothing is lost, doubled or reordered, and nothing is written where there is no room."""

from amaranth.hdl import Assert, Module

from hdl.streams.queue import Queue, QueueConfig
from tests.proofs.claims import (
    Golden,
    assert_proved,
    claim_pointers,
    contents,
    leaves,
    raw,
    rows_in_order,
    surround,
    takes,
)


def test_a_queue_is_a_list():
    m = Module()
    for depth in (1, 2, 3, 5):
        _claim_list(m, depth)
    assert_proved(m, name="queue", depth=2)


def test_a_queue_with_registers_behind_is_a_list():
    m = Module()
    for depth in (5, 6, 8):
        _claim_registered_list(m, depth)
    assert_proved(m, name="registered_queue", depth=2)


def _claim_registered_list(m: Module, depth: int) -> None:
    queue = Queue(QueueConfig(bits=4, depth=depth, registered=True))
    opened = surround(m, queue, f"queue_{depth}")
    golden = Golden(
        m, bits=4, places=depth, items=[raw(queue.i)], number=1, join=takes(queue), leave=leaves(queue)
    )
    # In front the last two, then the register behind the memory, then what that holds.
    buffer, held = opened.parts["fifo"], opened.value("inner_level", "fifo")
    level, beats = contents(opened, "behind.fifo")
    golden.claim_output(m, queue.o.valid, raw(queue.o))
    golden.claim_holds(m, 0, level, beats)
    golden.claim_holds(m, level, buffer.r_rdy, [buffer.r_data])
    golden.claim_holds(m, level + buffer.r_rdy, held, rows_in_order(opened, "fifo", depth - 3))
    claim_pointers(m, opened, "fifo", depth - 3, held)
    m.d.comb += [
        Assert(golden.count == held + buffer.r_rdy + level),
        Assert(queue.i.ready == (held != depth - 3)),
    ]


def _claim_list(m: Module, depth: int) -> None:
    queue = Queue(QueueConfig(bits=4, depth=depth))
    opened = surround(m, queue, f"queue_{depth}")
    golden = Golden(
        m, bits=4, places=depth, items=[raw(queue.i)], number=1, join=takes(queue), leave=leaves(queue)
    )
    level, beats = contents(opened, "fifo")
    golden.claim_output(m, queue.o.valid, raw(queue.o))
    golden.claim_holds(m, 0, level, beats)
    m.d.comb += [
        Assert(golden.count == level),
        Assert(queue.o.valid == (golden.count != 0)),
        Assert(queue.i.ready == (golden.count != depth)),
    ]
