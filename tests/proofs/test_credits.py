"""A pipeline that cannot stall never meets a full queue: what is in flight has been promised a place."""

import numpy as np
from amaranth.hdl import Assert, Assume, Module, Value

from hdl.activation.top_k import TopK, TopKConfig
from hdl.mac.readout import Readout, ReadoutConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from tests.proofs.claims import assert_proved, delayed, open_freely
from tests.proofs.components import small
from tests.proofs.opened import Opened


def _claim_room(
    m: Module, opened: Opened, free: Value, leave: Value, cycles: int, queue: str = "queue"
) -> None:
    """Claim that what leaves for the queue arrives `cycles` later, finds room, and was counted till then."""
    buffer, flight = opened.parts[f"{queue}.fifo"], delayed(m, leave, cycles)
    ports = opened.parts[queue]
    m.d.comb += [
        Assert(ports.i.valid == flight[-1]),
        Assert(~ports.i.valid | ports.i.ready),
        Assert(free <= buffer.depth),
        Assert(opened.value("some") == (free != 0)),
        Assert(buffer.depth - free == buffer.level + sum(flight[1:])),
    ]


def test_no_credit_is_lost_or_given_twice():
    m = Module()
    latencies = []
    pipelines = {"sparse_dense_conv": "go", "wires_conv": "go", "readout": "step", "egress": "send"}
    for name, leave in pipelines.items():
        component = small(name)
        opened = open_freely(m, name, component)
        latencies.append(component.config.latency)
        cycles = 2 if name == "egress" else latencies[-1] - 1
        _claim_room(m, opened, opened.value("credit"), opened.value(leave), cycles)
    assert_proved(m, name="credits", depth=max(latencies) + 1)


def test_a_slot_without_banks_is_read_out_the_cycle_after_it_is_asked_for():
    m = Module()
    target = DenseFormat.natural((2, 1, 2), FixedPoint(4, 0, True), 2)
    config = ReadoutConfig(target=target, columns=2, banks=2, sum_bits=3, bias=np.ones(2), lanes_latency=4)
    component = Readout(config)
    opened = open_freely(m, "dut", component)
    credit, draining, priming = (opened.value(name) for name in ("credit", "draining", "priming"))
    _claim_room(m, opened, credit, opened.value("step"), config.latency - 1)
    started = delayed(m, component.start, 1)[-1]
    # A window's products are added up by then, and none of the next.
    m.d.comb += [
        Assume(~component.start | component.free),
        Assert((component.drain.slot == 0) & opened.value("last")),
        Assert(draining == started),
        Assert(component.drain.valid == (started | priming)),
        Assert(~(started & priming)),
        Assert(~draining | (credit != 0)),
    ]
    assert_proved(m, name="single_slot", depth=config.latency + 1)


def test_global_winners_are_emitted_into_free_places():
    m = Module()
    component = small("global_winners")
    opened = open_freely(m, "dut", component)
    leave = opened.value("reader").step & opened.value("emitting")
    cycles = component.config.emission - 1
    _claim_room(m, opened, opened.value("places"), leave, cycles)
    assert_proved(m, name="global_places", depth=cycles + 2)


def test_picked_elements_and_their_masks_find_room():
    m = Module()
    opened = open_freely(m, "dut", small("compact"))
    _claim_room(m, opened, opened.value("credit"), opened.value("claim"), 2, "entries")
    held, waiting = opened.parts["values.fifo"].level, opened.parts["masks.fifo"].level
    gone = delayed(m, opened.value("pick") & opened.value("done"), 2)
    arrived, busy = opened.value("arrived"), opened.value("busy")
    # Each beat whose value is held has one mask: on its way, waiting, being worked off, or just done with.
    m.d.comb += [
        Assert(held == arrived + waiting + busy + gone[1] + gone[2]),
        Assert(~arrived | opened.parts["masks"].i.ready),
        Assert(~gone[2] | opened.parts["values"].o.valid),
    ]
    assert_proved(m, name="compact_room", depth=4)


def test_local_winners_find_the_place_that_their_pixel_reserved():
    m = Module()
    latencies = []
    for groups in (1, 2, 3):
        source = DenseFormat.natural((2 * groups, 1, 2), FixedPoint(1, 0, False), 2)
        component = TopK(TopKConfig(source=source, k=2))
        opened = open_freely(m, f"groups_{groups}", component)
        _claim_reserved(m, opened, component.config)
        latencies.append(component.config.latency)
    assert_proved(m, name="top_k_places", depth=max(latencies) + 1)


def _claim_reserved(m: Module, opened: Opened, config: TopKConfig) -> None:
    group, queue = opened.value("group"), opened.parts["queue.fifo"]
    flight = delayed(m, opened.value("accepted") & opened.value("last"), config.latency - 1)
    ports = opened.parts["queue"]
    m.d.comb += [
        Assert(group < config.source.groups),
        Assert(ports.i.valid == flight[-1]),
        Assert(~ports.i.valid | ports.i.ready),
        Assert(opened.value("places") <= queue.depth),
        Assert(opened.value("some") == (opened.value("places") != 0)),
        Assert(queue.depth - opened.value("places") == queue.level + sum(flight[1:]) + (group != 0)),
    ]
    if not config.mergers:
        return
    # A merger keeps the first of two lists while the bit of the group that tells them apart is set.
    cycles = 1 + config.sorter.depth
    for stage, (waiting, merger) in enumerate(zip(opened.values("waiting"), config.mergers, strict=True)):
        m.d.comb += Assert(waiting == delayed(m, group[stage], cycles)[-1])
        cycles += 1 + merger.depth
