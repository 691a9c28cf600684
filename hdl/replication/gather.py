"""Bring the outputs of several instances together, in the order in which their frames came."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Array, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.replication.distribute import BUFFERED_FRAMES
from hdl.resources import Fabric, Resources
from hdl.streams.counter import count_rounds
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import DEEP, Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Gather", "GatherConfig", "gather_frames"]


@dataclass(frozen=True, kw_only=True)
class GatherConfig:
    """What the frames are, and whose.

    Parameters
    ----------
    target : DenseFormat
    instances : int
        At least 1.
    frames : int
        Most frames on their way in all instances together; more wait before them.
    """

    target: DenseFormat
    instances: int
    frames: int

    def __post_init__(self) -> None:
        for name in ("instances", "frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive integer, not {getattr(self, name)!r}")

    @property
    def buffer(self) -> QueueConfig:
        """The outputs behind one instance: what it finishes before its turn does not hold it up."""
        return QueueConfig(bits=self.target.payload.size, depth=BUFFERED_FRAMES * self.target.beats)

    @property
    def order(self) -> QueueConfig:
        """Whose turn it is next, and after that; many lie in block RAM, known long before they are due."""
        deep = self.frames >= DEEP
        return QueueConfig(bits=bits_for_range(self.instances), depth=self.frames, registered=deep)

    @property
    def latency(self) -> int:
        """Cycles from an accepted beat to its being offered."""
        return 2

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.target.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: the queues and a choice between their ends."""
        bits = self.target.payload.size
        output = QueueConfig(bits=bits, depth=2).cost(fabric)
        queues = self.instances * self.buffer.cost(fabric) + self.order.cost(fabric) + output
        return queues + fabric.choice(self.instances, bits) + fabric.counter(self.target.beats)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass that come in the order of the frames. Exact."""
        accepted = np.asarray(arrivals)
        return Timing(accepted, wait_in_order(accepted + 1) + 1)


def gather_frames(outputs: list[list[int]], chosen: list[int], beats: int) -> list[int]:
    """Return the beats of all frames in order.

    >>> gather_frames([[1, 2, 5, 6], [3, 4]], [0, 1, 0], beats=2)
    [1, 2, 3, 4, 5, 6]
    """
    waiting = [iter(beats_of_one) for beats_of_one in outputs]
    return [next(waiting[instance]) for instance in chosen for _ in range(beats)]


class Gather(wiring.Component):
    """Send a frame from the instance whose turn it is, then one from the next.

    Timing
    ------
    Latency 2 cycles. Throughput 1 beat per cycle, without a gap between frames. No `i.ready` depends on
    `o.ready`.

    Resources
    ---------
    `BUFFERED_FRAMES` output frames of distributed memory an instance (estimated).

    Parameters
    ----------
    config : GatherConfig

    Members
    -------
    i : In(stream.Signature(config.target.payload)).array(config.instances)
    chosen : In(stream.Signature(bits_for_range(config.instances)))
        The instance of each frame, in order.
    o : Out(stream.Signature(config.target.payload))
    turn : Out(bits_for_range(config.instances))
        The instance whose frame leaves next, if one is on its way.
    """

    def __init__(self, config: GatherConfig) -> None:
        self.config = config
        payload = stream.Signature(config.target.payload)
        super().__init__(
            {
                "i": In(payload).array(config.instances),
                "chosen": In(stream.Signature(bits_for_range(config.instances))),
                "o": Out(payload),
                "turn": Out(bits_for_range(config.instances)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.order = order = Queue(self.config.order)
        m.submodules.output = output = Queue(QueueConfig(bits=self.config.buffer.bits, depth=2))
        wiring.connect(m, wiring.flipped(self.chosen), order.i)
        buffers = [Queue(self.config.buffer) for _ in range(self.config.instances)]
        for number, (buffer, port) in enumerate(zip(buffers, self.i, strict=True)):
            m.submodules[f"buffer_{number}"] = buffer
            m.d.comb += [
                buffer.i.payload.eq(Value.cast(port.payload)),
                buffer.i.valid.eq(port.valid),
                port.ready.eq(buffer.i.ready),
            ]
        take = output.i.valid & output.i.ready
        _, ends = count_rounds(m, self.config.target.beats, take)
        turn = order.o.payload
        m.d.comb += [
            self.turn.eq(turn),
            output.i.payload.eq(Array(buffer.o.payload for buffer in buffers)[turn]),
            output.i.valid.eq(order.o.valid & Array(buffer.o.valid for buffer in buffers)[turn]),
            order.o.ready.eq(ends),
            Value.cast(self.o.payload).eq(output.o.payload),
            self.o.valid.eq(output.o.valid),
            output.o.ready.eq(self.o.ready),
        ]
        for number, buffer in enumerate(buffers):
            m.d.comb += buffer.o.ready.eq(order.o.valid & (turn == number) & output.i.ready)
        return m
