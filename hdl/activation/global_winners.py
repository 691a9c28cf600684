"""Global k-WTA: keep the k largest elements of a frame and zero the rest."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from hdl.activation.key_reader import KeyReader, KeyReaderConfig
from hdl.activation.radix_select import RadixSelect, RadixSelectConfig
from hdl.resources import Fabric, Resources, total
from hdl.streams.component import StreamComponent
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing

__all__ = ["GlobalWinners", "GlobalWinnersConfig"]

FRAMES = 2


@dataclass(frozen=True, kw_only=True)
class GlobalWinnersConfig:
    """Stream and k of one global k-WTA.

    Parameters
    ----------
    source : DenseFormat
        Any order of channels, with or without padded slots.
    k : int
        Winners a frame; at least 1 and less than the elements of a frame.
    """

    source: DenseFormat
    k: int

    def __post_init__(self) -> None:
        most = self.source.shape[0] * self.source.pixels - 1
        if not 1 <= self.k <= most:
            raise ValueError(f"k must be from 1 to {most}, less than the elements, not {self.k!r}")

    @property
    def target(self) -> DenseFormat:
        """The format that comes in, with losers and padded slots 0."""
        return self.source

    @cached_property
    def reader(self) -> KeyReaderConfig:
        """What turns a stored frame into keys."""
        return KeyReaderConfig(source=self.source, frames=FRAMES)

    @cached_property
    def select(self) -> RadixSelectConfig:
        """The search for the smallest key that wins."""
        source, bits = self.source, self.reader.key_bits
        return RadixSelectConfig(key_bits=bits, lanes=source.lanes, beats=source.beats, k=self.k)

    @property
    def search(self) -> int:
        """Cycles from the first read of a frame to the first read of its emission."""
        return self.select.digits * (self.source.beats + self.select.gap)

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames: a sweep for each digit and one to emit, whatever the data."""
        return self.search + self.source.beats

    @property
    def emission(self) -> int:
        """Cycles from the read of a beat to its being offered."""
        # Keys; compare; queue.
        return self.reader.latency + 1 + 1

    @property
    def places(self) -> int:
        """Beats that the output queue must hold: one for each cycle until a place is free again."""
        return self.emission + 1

    @property
    def latency(self) -> int:
        """Cycles from the last accepted beat of a frame to its first being offered, in an idle component."""
        return 1 + self.search + self.emission

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: the stored frames, the selector, and a comparison a lane."""
        source, bits = self.source, self.reader.key_bits
        stored = fabric.memory(source.payload.size, self.reader.depth)
        queue = QueueConfig(bits=source.payload.size, depth=self.places)
        lane = fabric.comparison(bits) + Resources(lut=source.form.width, ff=source.form.width)
        parts = [stored, self.reader.cost(fabric), self.select.cost(fabric), queue.cost(fabric)]
        return total(parts) + source.lanes * lane + fabric.logic(50, 40)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact."""
        beats = self.source.beats
        accepted, released, offered = [-1], [0] * FRAMES, []
        for frame in arrivals.reshape(-1, beats):
            for cycle in frame:
                accepted.append(max(int(cycle), accepted[-1] + 1, released[-FRAMES]))
            emitted = max(accepted[-1] + 1, released[-1]) + self.search
            released.append(emitted + beats)
            offered.append(emitted + self.emission + np.arange(beats))
        return Timing(np.array(accepted[1:]), np.concatenate(offered))


class GlobalWinners(StreamComponent):
    """Keep the k largest elements of each frame.

    Every element stands for a key that no other equals: the value in offset binary, and below it its
    inverted place in the flattened tensor. A frame is stored, swept for the k-th largest key, four bits a
    sweep, and swept once more to come out with all smaller keys zeroed. The next frame is stored meanwhile.

    Timing
    ------
    `config.cycles_per_frame` cycles a frame: `digits × (beats + gap) + beats`, whatever the data. Latency
    `config.latency` cycles from the last beat of a frame. `i.ready` is a function of registers alone.

    Numerics
    --------
    Exactly :func:`hdl.numerics.global_winners`. Padded slots come out as 0.

    Resources
    ---------
    A memory of two frames; if channels travel out of order, a table of `groups × lanes` ranks; one
    :class:`RadixSelect`; for each lane a comparison of `key_bits`. 1,500 elements of 8 bits in 94 beats of
    16 lanes, k = 150: 2,740 LUT, 1,241 FF, 2 RAMB36E2, of which about 1,100 LUT are a table of channels in
    random order (Yosys 0.70, `synth_xilinx -family xcup`).

    Parameters
    ----------
    config : GlobalWinnersConfig

    Members
    -------
    i : In(stream.Signature(source.payload))
    o : Out(stream.Signature(target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.reader = reader = KeyReader(config.reader)
        m.submodules.select = select = RadixSelect(config.select)
        stored = Signal(range(FRAMES + 1))
        sweep, rest = Signal(range(config.select.digits + 1)), Signal(range(config.select.gap + 1))

        # A frame is swept for each digit, with the gaps that the selector asks for; then it is emitted, each
        # beat as soon as it finds a place in the output queue.
        emitting = sweep == config.select.digits
        swept = reader.step & reader.last
        places, some = count_credit(m, config.places, reader.step & emitting, self.o.valid & self.o.ready)
        m.d.comb += [
            reader.step.eq((stored != 0) & (rest == 0) & (~emitting | some)),
            reader.again.eq(~emitting),
        ]
        with m.If(swept):
            m.d.sync += sweep.eq(Mux(emitting, 0, sweep + 1))
            m.d.sync += rest.eq(Mux(emitting, 0, config.select.gap))
        with m.Elif(rest != 0):
            m.d.sync += rest.eq(rest - 1)

        filled = self._store(m, stored, reader)
        m.d.sync += stored.eq(stored + filled - (swept & emitting))
        m.d.comb += [
            select.i.valid.eq(reader.o.valid & reader.o.payload.again),
            select.i.payload.last.eq(reader.o.payload.last),
            select.i.payload.keys.eq(reader.o.payload.keys),
        ]
        self._emit(m, reader, select)
        return m

    def _store(self, m: Module, stored: Signal, reader: KeyReader) -> Value:
        """Write what comes in while there is room for its frame; say when a frame is complete."""
        beats, depth = self.config.source.beats, self.config.reader.depth
        m.submodules.memory = memory = Memory(shape=self.config.source.payload, depth=depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        address, beat = Signal(range(depth)), Signal(range(beats))
        last, accepted = beat == beats - 1, self.i.valid & self.i.ready
        with m.If(accepted):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
            m.d.sync += address.eq(Mux(address == depth - 1, 0, address + 1))
        m.d.comb += [
            self.i.ready.eq(stored != FRAMES),
            write.addr.eq(address),
            write.data.eq(self.i.payload),
            write.en.eq(accepted),
            read.addr.eq(reader.address),
            reader.word.eq(read.data),
        ]
        return accepted & last

    def _emit(self, m: Module, reader: KeyReader, select: RadixSelect) -> None:
        """Zero the values whose keys are below the k-th largest."""
        form, layout = self.config.source.form, self.config.target.payload
        zero = int(form.signed) << (form.width - 1)
        winners, valid = Signal(layout, reset_less=True), Signal()
        m.d.sync += valid.eq(reader.o.valid & ~reader.o.payload.again)
        for key, winner in zip(reader.o.payload.keys, winners, strict=True):
            value = key[self.config.reader.place_bits :] ^ zero
            m.d.sync += winner.eq(Mux(key >= select.o.payload, value, 0))

        m.submodules.queue = queue = Queue(QueueConfig(bits=layout.size, depth=self.config.places))
        m.d.comb += [
            queue.i.payload.eq(winners),
            queue.i.valid.eq(valid),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
