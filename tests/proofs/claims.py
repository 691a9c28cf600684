"""What proofs have in common: free surroundings, and what is true of every queue and every stream."""

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Const, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring

from tests.proofs.opened import Opened
from tests.proofs.prove import prove

__all__ = [
    "Golden",
    "assert_proved",
    "claim_conserved",
    "claim_pointers",
    "claim_queues",
    "claim_stable",
    "contents",
    "delayed",
    "leaves",
    "open_freely",
    "raw",
    "rows_in_order",
    "surround",
    "takes",
]


def assert_proved(design: Elaboratable, *, name: str, depth: int, mode: str = "prove") -> None:
    """Fail, with a run that shows why, unless the assertions of a design are proved."""
    verdict = prove(design, name=name, mode=mode, depth=depth)
    assert verdict.passed, str(verdict)


def surround(m: Module, component: wiring.Component, name: str = "dut") -> Opened:
    """Put a component with streams `i` and `o` where neither side owes it anything.

    The source may withdraw or change what it offers, the sink may be ready at any time, and a reset may
    come in any cycle. A design may hold several components: they are proved together, which is quicker.
    """
    m.submodules[name] = opened = Opened(component)
    m.d.comb += [
        raw(component.i).eq(AnySeq(len(raw(component.i)))),
        component.i.valid.eq(AnySeq(1)),
        component.o.ready.eq(AnySeq(1)),
    ]
    claim_queues(m, opened)
    return opened


def open_freely(m: Module, name: str, component: wiring.Component) -> Opened:
    """Put a component with any inputs at all into a design."""
    m.submodules[name] = opened = Opened(component)
    for _, member, port in component.signature.flatten(component):
        if member.flow == wiring.In:
            m.d.comb += Value.cast(port).eq(AnySeq(len(Value.cast(port))))
    claim_queues(m, opened)
    return opened


def raw(port: stream.Interface) -> Value:
    """Return the payload of a stream as bits."""
    return Value.cast(port.payload)


def takes(component: wiring.Component) -> Value:
    """Whether an input beat passes in this cycle."""
    return component.i.valid & component.i.ready


def leaves(component: wiring.Component) -> Value:
    """Whether an output beat passes in this cycle."""
    return component.o.valid & component.o.ready


def contents(opened: Opened, path: str) -> tuple[Signal, list[Value]]:
    """Return how many beats wait in a buffer, and the beats; the oldest first."""
    return opened.parts[path].level, rows_in_order(opened, path, opened.parts[path].depth)


def rows_in_order(opened: Opened, path: str, depth: int) -> list[Value]:
    """Return the rows of a buffer's memory, from the one that is read next on."""
    rows, (consume, _) = opened.rows(f"{path}.storage"), _pointers(opened, path)
    ordered = []
    for age in range(depth):
        row = rows[age]
        for start in range(1, depth):
            row = Mux(consume == start, rows[(start + age) % depth], row)
        ordered.append(row)
    return ordered


def _pointers(opened: Opened, path: str) -> tuple[Value, Value]:
    if opened.parts[path].depth == 1:
        return Const(0, 1), Const(0, 1)
    return opened.value("consume", path), opened.value("produce", path)


def claim_queues(m: Module, opened: Opened) -> None:
    """Claim that the pointers and flags of every buffer in a component agree with its level."""
    for path in opened.fifos:
        buffer = opened.parts[path]
        claim_pointers(m, opened, path, buffer.depth, buffer.level)
        m.d.comb += [
            Assert(buffer.r_rdy == (buffer.level != 0)),
            Assert(buffer.w_rdy == (buffer.level != buffer.depth)),
        ]


def claim_pointers(m: Module, opened: Opened, path: str, depth: int, level: Value) -> None:
    """Claim that the pointers of a buffer agree with how many of the rows of its memory are taken."""
    consume, produce = _pointers(opened, path)
    end = consume + level
    m.d.comb += [
        Assert(level <= depth),
        Assert(consume < depth),
        Assert(produce == Mux(end >= depth, end - depth, end)),
    ]


def claim_stable(m: Module, valid: Value, ready: Value, payload: Value) -> None:
    """Claim that what is offered stays until it is taken."""
    waits, offered = Signal(), Signal(len(payload))
    m.d.sync += [waits.eq(valid & ~ready), offered.eq(payload)]
    with m.If(waits):
        m.d.comb += [Assert(valid), Assert(payload == offered)]


def delayed(m: Module, value: Value, cycles: int, *, reset_less: bool = False) -> list[Value]:
    """Return a value, and what it was 1, 2, ... `cycles` cycles ago; 0 before the first."""
    values = [value]
    for number in range(cycles):
        values.append(register := Signal(len(value), name=f"delayed_{number + 1}", reset_less=reset_less))
        m.d.sync += register.eq(values[-2])
    return values


def claim_conserved(m: Module, name: str, held: Value, depth: int, enter: Value, leave: Value) -> None:
    """Claim that a count of things inside follows from what enters and leaves, and stays within `depth`."""
    inside = Signal(range(depth + 2), name=name)
    m.d.sync += inside.eq(inside + enter - leave)
    m.d.comb += [Assert(inside == held), Assert(inside <= depth)]


class Golden:
    """What a component still owes its output: a list that items join at the end and leave in front.

    Parameters
    ----------
    m : Module
    bits : int
        Of an item.
    places : int
        The list is claimed never to be longer.
    items : list of Value
        Join in this order when `join` is high.
    number : Value
        How many of `items` do.
    join, leave : Value
    """

    def __init__(
        self, m: Module, *, bits: int, places: int, items: list[Value], number: Value | int,
        join: Value, leave: Value,
    ) -> None:  # fmt: skip
        self.count = Signal(range(places + len(items) + 1))
        self.items = [Signal(bits, name=f"golden_{place}") for place in range(places)]
        end = Signal.like(self.count)
        joined = Mux(join, number, 0)
        m.d.comb += [end.eq(self.count - leave), Assert(self.count <= places)]
        m.d.sync += self.count.eq(end + joined)
        with m.If(leave):
            m.d.sync += [item.eq(after) for item, after in zip(self.items, self.items[1:], strict=False)]
        for rank, item in enumerate(items):
            for place, register in enumerate(self.items[rank:], start=rank):
                with m.If((rank < joined) & (end == place - rank)):
                    m.d.sync += register.eq(item)

    def claim_output(self, m: Module, valid: Value, payload: Value) -> None:
        """Claim that only the front item is ever offered."""
        with m.If(valid):
            m.d.comb += [Assert(self.count != 0), Assert(payload == self.items[0])]

    def claim_holds(self, m: Module, first: Value | int, number: Value, items: list[Value]) -> None:
        """Claim that the `number` places from `first` on hold `items`."""
        for rank, item in enumerate(items):
            for place, register in enumerate(self.items[rank:], start=rank):
                with m.If((rank < number) & (first == place - rank)):
                    m.d.comb += Assert(register == item)
