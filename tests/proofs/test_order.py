"""Several instances behind one stream: every output leaves in the order of its frame.

Proved for each end on its own, for inputs of any length and any pauses, on small instances:

- what distributes deals each frame whole to one instance, in the order of the frames of that instance, and
  sends one ticket a frame, in the order of all frames, that names the instance;
- what gathers sends, for each ticket in turn, one frame's beats of the instance that it names, in order.

An instance sends one output for each frame, in order, as the proofs of its stages say. So the n-th output
that leaves is one of the instance on the n-th ticket, which was dealt the n-th frame. If j of the tickets up
to there name it, that frame is the j-th of its frames, and that output is its j-th: they belong together.
Both ends with instances between them are checked as well, bounded.
"""

import pytest
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import stream

from hdl.numerics import FixedPoint
from hdl.replication.distribute import BUFFERED_FRAMES, Distribute, DistributeConfig
from hdl.replication.gather import Gather, GatherConfig
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from tests.proofs.claims import Golden, assert_proved, contents, open_freely, raw
from tests.proofs.opened import Opened

ELEMENT = FixedPoint(2, 0, False)
SIZES = pytest.mark.parametrize(
    "sizes", [[(2, 2)], pytest.param([(1, 2), (3, 2), (2, 3)], marks=pytest.mark.slow_proof)]
)
"""Beats a frame, and instances; several are proved together."""


def _frames(beats: int) -> DenseFormat:
    return DenseFormat.natural((1, 1, beats), ELEMENT, 1)


def _passes(port: stream.Interface) -> Value:
    return port.valid & port.ready


def _count_beats(m: Module, beats: int, step: Value) -> Signal:
    """Return which beat of its frame is the next."""
    place = Signal(range(beats))
    with m.If(step):
        m.d.sync += place.eq(Mux(place == beats - 1, 0, place + 1))
    m.d.comb += Assert(place < beats)
    return place


def _claim_list(m: Module, opened: Opened, path: str, item: Value, join: Value, leave: Value) -> Golden:
    """Claim that a buffer is the list of what joined and has not left."""
    depth = opened.parts[f"{path}.fifo"].depth
    golden = Golden(m, bits=len(item), places=depth, items=[item], number=1, join=join, leave=leave)
    level, beats = contents(opened, f"{path}.fifo")
    golden.claim_holds(m, 0, level, beats)
    m.d.comb += Assert(golden.count == level)
    return golden


@SIZES
def test_frames_are_dealt_whole_in_order_and_with_their_tickets(sizes):
    m = Module()
    for beats, instances in sizes:
        _claim_dealt(m, beats, instances)
    assert_proved(m, name="distribute", depth=2)


def _claim_dealt(m: Module, beats: int, instances: int) -> None:
    stage = Distribute(DistributeConfig(source=_frames(beats), instances=instances))
    opened = open_freely(m, f"distribute_{beats}_{instances}", stage)
    take, counts = _passes(stage.i), opened.driven("number")
    owner, owned, inside = (opened.value(name) for name in ("owner", "owned", "inside"))
    place = _count_beats(m, beats, take)
    begins = take & (place == 0)
    dealt, number_of_owner = Signal.like(owner), Signal.like(stage.chosen.payload)
    with m.If(begins):
        m.d.sync += dealt.eq(owner)
    with m.Switch(owner):
        for number in range(instances):
            with m.Case(1 << number):
                m.d.comb += number_of_owner.eq(number)
        with m.Default():
            m.d.comb += Assert(False)
    m.d.comb += [
        Assert(~take | (place == 0) | (owner == dealt)),
        # What carries the induction: who has the frame, and how much of it is still to come.
        Assert(~take | owned),
        Assert(inside == (place != 0)),
        Assert(~inside | (owned & (owner == dealt))),
        Assert(counts[0] == place),
    ]
    tickets = _claim_list(m, opened, "choices", number_of_owner, begins, _passes(stage.chosen))
    tickets.claim_output(m, stage.chosen.valid, stage.chosen.payload)
    for number, port in enumerate(stage.o):
        golden = _claim_list(m, opened, f"buffer_{number}", raw(stage.i), take & owner[number], _passes(port))
        golden.claim_output(m, port.valid, raw(port))
        (held,) = opened.driven(f"held_{number}")
        to_come = Mux(owned & owner[number], beats - place, 0)
        m.d.comb += [
            Assert(held <= BUFFERED_FRAMES),
            Assert(counts[1 + number] < beats),
            Assert(held * beats == golden.count + counts[1 + number] + to_come),
        ]


@SIZES
def test_outputs_are_gathered_in_the_order_of_the_tickets(sizes):
    m = Module()
    for beats, instances in sizes:
        _claim_gathered(m, beats, instances)
    assert_proved(m, name="gather", depth=2)


def _claim_gathered(m: Module, beats: int, instances: int) -> None:
    stage = Gather(GatherConfig(target=_frames(beats), instances=instances, frames=3))
    opened = open_freely(m, f"gather_{beats}_{instances}", stage)
    take, (count,) = opened.value("take"), opened.driven("number")
    place = _count_beats(m, beats, take)
    ends = take & (place == beats - 1)
    m.d.comb += [Assert(count == place), Assume(stage.chosen.payload < instances)]
    tickets = _claim_list(m, opened, "order", stage.chosen.payload, _passes(stage.chosen), ends)
    m.d.comb += Assert(~take | (tickets.count != 0))
    m.d.comb += [Assert(ticket < instances) for ticket in contents(opened, "order.fifo")[1]]
    due = 0
    for number, port in enumerate(stage.i):
        leave = take & (tickets.items[0] == number)
        golden = _claim_list(m, opened, f"buffer_{number}", raw(port), _passes(port), leave)
        m.d.comb += Assert(~leave | (golden.count != 0))
        due = Mux(tickets.items[0] == number, golden.items[0], due)
    out = _claim_list(m, opened, "output", due[: ELEMENT.width], take, _passes(stage.o))
    out.claim_output(m, stage.o.valid, raw(stage.o))


@pytest.mark.slow_proof
@pytest.mark.parametrize("beats", [1, 2])
def test_what_goes_in_between_the_ends_comes_out_in_order(beats):
    """Bounded: ten cycles, in which six beats come out; instances of a queue each that pause as they like."""
    m = Module()
    instances = 2
    m.submodules.distribute = distribute = Distribute(
        DistributeConfig(source=_frames(beats), instances=instances)
    )
    m.submodules.gather = gather = Gather(GatherConfig(target=_frames(beats), instances=instances, frames=4))
    _join(m, distribute.chosen, gather.chosen)
    for number in range(instances):
        m.submodules[f"instance_{number}"] = instance = Queue(QueueConfig(bits=ELEMENT.width, depth=2))
        _join(m, distribute.o[number], instance.i, pause=AnySeq(1))
        _join(m, instance.o, gather.i[number], pause=AnySeq(1))
    m.d.comb += [
        raw(distribute.i).eq(AnySeq(ELEMENT.width)),
        distribute.i.valid.eq(AnySeq(1)),
        gather.o.ready.eq(AnySeq(1)),
        Assume(~ResetSignal("sync")),
    ]
    golden = Golden(
        m, bits=ELEMENT.width, places=12, items=[raw(distribute.i)], number=1, join=_passes(distribute.i),
        leave=_passes(gather.o),
    )  # fmt: skip
    golden.claim_output(m, gather.o.valid, raw(gather.o))
    assert_proved(m, name="order", mode="bmc", depth=11)


def _join(m: Module, source: stream.Interface, sink: stream.Interface, pause: Value | int = 0) -> None:
    m.d.comb += [
        raw(sink).eq(raw(source)), sink.valid.eq(source.valid & ~pause), source.ready.eq(sink.ready & ~pause),
    ]  # fmt: skip
