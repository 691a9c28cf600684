"""Global k-WTA: keep the k largest elements of a frame and zero the rest."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.activation.key_reader import KeyReader, KeyReaderConfig
from hdl.activation.radix_select import DIGIT_BITS, RadixSelect, RadixSelectConfig
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig

__all__ = ["GlobalWinners", "GlobalWinnersConfig"]

BANKS = 2


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
        return KeyReaderConfig(source=self.source, banks=BANKS)

    @cached_property
    def select(self) -> RadixSelectConfig:
        """The search for the smallest key that wins."""
        # With two digits or more the sweeps set the pace, rather than the two banks of memory.
        key_bits = max(self.reader.key_bits, DIGIT_BITS + 1)
        source = self.source
        return RadixSelectConfig(key_bits=key_bits, lanes=source.lanes, beats=source.beats, k=self.k)

    @property
    def sweep(self) -> int:
        """Cycles from one sweep to the next."""
        return self.source.beats + self.select.gap

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames: a sweep for each digit, whatever the data."""
        return self.select.digits * self.sweep

    @property
    def search(self) -> int:
        """Cycles from the first read of a frame's first sweep to the first read of its emission."""
        last_read = (self.select.digits - 1) * self.sweep + self.source.beats - 1
        return last_read + self.reader.latency + self.select.latency + 1

    @property
    def emission(self) -> int:
        """Cycles from the read of a beat to its being offered."""
        # Keys; compare; queue.
        return self.reader.latency + 1 + 1

    @property
    def latency(self) -> int:
        """Cycles from the last accepted beat of a frame to its first being offered, in an idle component."""
        return 1 + self.search + self.emission

    def timing(self, arrivals: np.ndarray) -> np.ndarray:
        """Return the cycle in which each output beat is first offered; exact."""
        beats = self.source.beats
        accepted, free, offered = -1, 0, []
        empty = [0] * BANKS
        for frame, cycles in enumerate(arrivals.reshape(-1, beats)):
            for cycle in cycles:
                accepted = max(int(cycle), accepted + 1, empty[frame % BANKS])
            start = max(accepted + 1, free)
            free = start + self.cycles_per_frame
            emit = start + self.search
            empty[frame % BANKS] = emit + beats
            offered.append(emit + self.emission + np.arange(beats))
        return np.concatenate(offered)


class GlobalWinners(wiring.Component):
    """Keep the k largest elements of each frame.

    Every element stands for a key that no other equals: the value in offset binary, and below it its
    inverted place in the flattened tensor. A frame is stored in one of two memories, swept for the k-th
    largest key, four bits a sweep, and read once more to come out with all smaller keys zeroed. While one
    frame is searched, the one before comes out of the other memory and the next one enters it.

    Timing
    ------
    `config.cycles_per_frame` cycles a frame: `digits × (beats + gap)`, whatever the data. Latency
    `config.latency` cycles from the last beat of a frame. `i.ready` is a function of registers alone.

    Numerics
    --------
    Exactly :func:`hdl.numerics.global_winners`. Padded slots come out as 0.

    Resources
    ---------
    Two memories of a frame; if channels travel out of order, a table of `groups × lanes` ranks with two read
    ports; one :class:`RadixSelect`; for each lane a comparison of `key_bits` (estimated).

    Parameters
    ----------
    config : GlobalWinnersConfig

    Members
    -------
    i : In(stream.Signature(source.payload))
    o : Out(stream.Signature(target.payload))
    """

    def __init__(self, config: GlobalWinnersConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.source.payload)),
                "o": Out(stream.Signature(config.target.payload)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.search = search = KeyReader(config.reader)
        m.submodules.select = select = RadixSelect(config.select)
        m.submodules.emit = emit = KeyReader(config.reader)
        # A bank is filled, then searched for the threshold, then emitted; each alternates between the banks.
        full, found, finding = Signal(BANKS), Signal(BANKS), Signal()
        thresholds = Signal(data.ArrayLayout(config.select.key_bits, BANKS), reset_less=True)
        filling, filled = self._fill(m, full, found, search, emit)
        searched = self._search(m, full & ~found, search, select)
        emitted = self._emit(m, found, thresholds, emit)

        with m.If(select.o.valid):
            m.d.sync += thresholds[finding].eq(select.o.payload)
        m.d.sync += [
            full.eq((full | (filled << filling)) & ~(emitted << emit.bank)),
            found.eq((found | (select.o.valid << finding)) & ~(emitted << emit.bank)),
        ]
        m.d.sync += [
            filling.eq(filling ^ filled),
            search.bank.eq(search.bank ^ searched),
            finding.eq(finding ^ select.o.valid),
            emit.bank.eq(emit.bank ^ emitted),
        ]
        return m

    def _fill(
        self, m: Module, full: Signal, found: Signal, search: KeyReader, emit: KeyReader
    ) -> tuple[Signal, Signal]:
        """Write what comes in; let each bank be read by the reader that it is due to."""
        beats = self.config.source.beats
        bank, address, filled = Signal(), Signal(range(beats)), Signal()
        accepted = self.i.valid & self.i.ready
        m.d.comb += self.i.ready.eq(~full.bit_select(bank, 1))
        m.d.comb += filled.eq(accepted & (address == beats - 1))
        with m.If(accepted):
            m.d.sync += address.eq(Mux(filled, 0, address + 1))
        for number in range(BANKS):
            memory = Memory(shape=self.config.source.payload.size, depth=beats, init=[])
            m.submodules[f"bank{number}"] = memory
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(address),
                write.data.eq(self.i.payload),
                write.en.eq(accepted & (bank == number)),
                read.addr.eq(Mux(found[number], emit.address, search.address)),
                search.words[number].eq(read.data),
                emit.words[number].eq(read.data),
            ]
        return bank, filled

    def _search(self, m: Module, due: Value, search: KeyReader, select: RadixSelect) -> Signal:
        """Sweep over a due bank once for each digit, with the gaps that the selector asks for."""
        sweep, rest = Signal(range(self.config.select.digits)), Signal(range(self.config.select.gap + 1))
        swept, searched = Signal(), Signal()
        m.d.comb += [
            search.step.eq((rest == 0) & due.bit_select(search.bank, 1)),
            swept.eq(search.step & search.last),
            searched.eq(swept & (sweep == self.config.select.digits - 1)),
            select.i.valid.eq(search.o.valid),
            select.i.payload.last.eq(search.o.payload.last),
        ]
        for key, wanted in zip(search.o.payload.keys, select.i.payload.keys, strict=True):
            m.d.comb += wanted.eq(key)
        m.d.sync += sweep.eq(Mux(searched, 0, sweep + swept))
        m.d.sync += rest.eq(Mux(swept, self.config.select.gap, rest - (rest != 0)))
        return searched

    def _emit(self, m: Module, found: Signal, thresholds: Signal, emit: KeyReader) -> Signal:
        """Read a bank whose threshold is found, if the queue has a place, and zero what is below."""
        form, layout = self.config.source.form, self.config.target.payload
        # As many as pass between a read and its place being free again.
        depth = self.config.emission + 1
        m.submodules.queue = queue = Queue(QueueConfig(bits=layout.size, depth=depth))
        places, emitted = Signal(range(depth + 1), init=depth), Signal()
        m.d.comb += emit.step.eq((places != 0) & found.bit_select(emit.bank, 1))
        m.d.comb += emitted.eq(emit.step & emit.last)
        m.d.sync += places.eq(places - emit.step + (self.o.valid & self.o.ready))

        read_bank, threshold = Signal(), Signal(self.config.select.key_bits, reset_less=True)
        m.d.sync += [read_bank.eq(emit.bank), threshold.eq(thresholds[read_bank])]
        winners, valid = Signal(layout, reset_less=True), Signal()
        zero = int(form.signed) << (form.width - 1)
        for key, winner in zip(emit.o.payload.keys, winners, strict=True):
            value = key[self.config.reader.place_bits :] ^ zero
            m.d.sync += winner.eq(Mux(key >= threshold, value, 0))
        m.d.sync += valid.eq(emit.o.valid)
        m.d.comb += [
            queue.i.payload.eq(winners),
            queue.i.valid.eq(valid),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return emitted
