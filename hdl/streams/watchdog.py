"""Notice that a design stands still, and name the stream at which it does."""

from dataclasses import dataclass

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources

__all__ = [
    "STARVED", "STUCK", "STUCK_BITS", "StreamWatch", "Watchdog", "WatchdogConfig", "flags_and_stuck",
    "watched_state",
]  # fmt: skip

STUCK_BITS = 16
STUCK, STARVED = 15, 14
"""Bits of `stuck`; those below are the number of a stream."""


def watched_state(streams: int) -> data.StructLayout:
    """Return what a :class:`StreamWatch` knows.

    Whether a beat is `held` up, and the last stream where one is; whether one `moved`, and the last where one
    did.
    """
    place = bits_for_range(streams)
    return data.StructLayout({"held": 1, "held_at": place, "moved": 1, "moved_at": place})


def flags_and_stuck(flags: Value, stuck: Value) -> Value:
    """Return 32 bits for a host to read: flags in the lower half, what a watchdog says in the upper one."""
    return Cat(flags, Const(0, STUCK_BITS - len(flags)), stuck)


class StreamWatch(wiring.Component):
    """Watch the streams of one instance, in the order of its pipeline.

    Timing
    ------
    `state` tells of the cycle before; `moved_at` keeps its value while nothing moves.

    Resources
    ---------
    Two priority encoders and their registers (estimated).

    Parameters
    ----------
    streams : int

    Members
    -------
    valid, ready : In(streams)
    state : Out(watched_state(streams))
    """

    def __init__(self, streams: int) -> None:
        self.streams = streams
        layout = watched_state(streams)
        super().__init__({"valid": In(streams), "ready": In(streams), "state": Out(layout)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = self.state
        held, moved = self.valid & ~self.ready, self.valid & self.ready
        m.d.sync += [
            state.held.eq(held.any()),
            state.held_at.eq(_last_one(held, len(state.held_at))),
            state.moved.eq(moved.any()),
        ]
        with m.If(moved.any()):
            m.d.sync += state.moved_at.eq(_last_one(moved, len(state.moved_at)))
        return m


def _last_one(bits: Value, width: int) -> Value:
    found = Const(0, width)
    for place in range(len(bits)):
        found = Mux(bits[place], place, found)
    return found[:width]


@dataclass(frozen=True, kw_only=True)
class WatchdogConfig:
    """What to watch, and how patiently.

    Parameters
    ----------
    streams : int
        Of one instance.
    instances : int
    cycles : int
        Without a beat on any stream while a frame is on its way, after which the design counts as stuck. More
        than it may take from one beat to the next.
    """

    streams: int
    instances: int
    cycles: int

    def __post_init__(self) -> None:
        for name in ("streams", "instances", "cycles"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive integer, not {getattr(self, name)!r}")
        if self.streams * self.instances + 2 > 1 << STARVED:
            raise ValueError(f"streams must be at most {(1 << STARVED) - 2} in all instances together")

    @property
    def output(self) -> int:
        """The number of `m_axis`; `s_axis` is 0, and between them stand the streams, instance by instance."""
        return 1 + self.streams * self.instances

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a timer, a count of frames, encoders of each instance."""
        watches = self.instances * fabric.logic(2 * self.streams, 2 * bits_for_range(self.streams) + 2)
        return watches + fabric.counter(self.cycles) + fabric.counter(1 << 16) + fabric.logic(40, 24)


class Watchdog(wiring.Component):
    """Raise `stuck` while frames are on their way and nothing has moved for `cycles` cycles.

    It falls again when something moves: a host that did not fetch outputs may do so after all. What is named
    is, of `m_axis`, the instance whose frame leaves next and `s_axis`, the last stream on which a beat is
    offered and not taken. If there is none, STARVED is high, and named is the last stream on which a beat
    passed, behind which it got lost; or `s_axis`, where a host has begun a frame and not gone on.

    Resources
    ---------
    A timer, a counter of frames, a choice of an instance (estimated).

    Parameters
    ----------
    config : WatchdogConfig

    Members
    -------
    s_valid, s_ready, s_last, m_valid, m_ready, m_last : In(1)
        The ports of the design.
    states : In(watched_state(config.streams)).array(config.instances)
    turn : In
        The instance whose frame leaves next.
    stuck : Out(16)
        Bit 15 is high while the design is stuck, bit 14 STARVED; the others are the number of the stream.
        0 while it is not stuck.
    """

    def __init__(self, config: WatchdogConfig) -> None:
        self.config = config
        ports = ("s_valid", "s_ready", "s_last", "m_valid", "m_ready", "m_last")
        super().__init__(
            {
                **{name: In(1) for name in ports},
                "states": In(watched_state(config.streams)).array(config.instances),
                "turn": In(bits_for_range(config.instances)),
                "stuck": Out(STUCK_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        enters, leaves = self.s_valid & self.s_ready, self.m_valid & self.m_ready
        frames, begun = Signal(16), Signal()
        m.d.sync += frames.eq(frames + (enters & self.s_last) - (leaves & self.m_last))
        with m.If(enters):
            m.d.sync += begun.eq(~self.s_last)
        moved = enters | leaves | Cat(state.moved for state in self.states).any()
        still = Signal(range(config.cycles + 1))
        expired = still == config.cycles
        with m.If(moved | ~(begun | frames.any())):
            m.d.sync += still.eq(0)
        with m.Elif(~expired):
            m.d.sync += still.eq(still + 1)
        number, starved = Signal(STARVED), Signal()
        self._name(m, begun & ~frames.any(), number, starved)
        m.d.sync += self.stuck.eq(Mux(expired, Cat(number, starved, 1), 0))
        return m

    def _name(self, m: Module, owed: Value, number: Signal, starved: Signal) -> None:
        """Find the stream at which all stands still; `owed` if what is inside is only part of a frame."""
        config = self.config
        first = Array(1 + config.streams * instance for instance in range(config.instances))[self.turn]
        state = Signal(watched_state(config.streams))
        m.d.comb += state.eq(Array(Value.cast(each) for each in self.states)[self.turn])
        with m.If(self.m_valid):
            m.d.comb += number.eq(config.output)
        with m.Elif(state.held):
            m.d.comb += number.eq(first + state.held_at)
        with m.Elif(self.s_valid):
            m.d.comb += number.eq(0)
        with m.Else():
            m.d.comb += [starved.eq(1), number.eq(Mux(owed, 0, first + state.moved_at))]
