"""Convolution that multiplies winners by nonzero weights and nothing else."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.mac.fetch import look_up
from hdl.mac.lanes import Lanes, LanesConfig
from hdl.mac.readout import Readout, ReadoutConfig
from hdl.mac.words import WordTable
from hdl.memory.rom import Rom, shared
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.timing import Timing

__all__ = ["ZeroSkipConv", "ZeroSkipConvConfig"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ZeroSkipConvConfig:
    """A zero-skipping convolution array: one column of lanes for each tap of the window.

    Parameters
    ----------
    source : WinnersFormat
        Of the image; the input port carries windows of its words.
    target : DenseFormat
        Of the accumulators. A beat's lanes are the lanes of the array, a pixel's groups its slots.
    tables : tuple of WordTable
        The weights of each tap; inputs are channels.
    bias : int64[filters]
        In accumulator units.
    """

    source: WinnersFormat
    target: DenseFormat
    tables: tuple[WordTable, ...]
    bias: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        for table in self.tables:
            if (table.lanes, table.slots) != (self.target.lanes, self.target.groups):
                raise ValueError(
                    f"tables must have {self.target.lanes} lanes × {self.target.groups} slots, "
                    f"not {table.lanes} × {table.slots}"
                )

    @cached_property
    def worst_words(self) -> int:
        """Cycles in which the slowest column fetches the words of a window, at most."""
        return max(table.cycles(self.source.at_most) for table in self.tables)

    @property
    def cycles_per_window(self) -> int:
        """Cycles from a window to the next, at most: fetching overlaps with the readout before."""
        return max(self.worst_words, self.target.groups)

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames, at most."""
        return self.cycles_per_window * self.target.pixels

    @property
    def constant_time(self) -> bool:
        """Whether every window takes as long, whatever the data."""
        return self.target.groups >= self.worst_words

    @property
    def multipliers(self) -> int:
        """Products a cycle."""
        return len(self.tables) * self.target.lanes

    @cached_property
    def lanes(self) -> tuple[LanesConfig, ...]:
        """The columns."""
        bits = self.target.form.width
        return tuple(LanesConfig.for_table(table, self.source.form, bits) for table in self.tables)

    @cached_property
    def readout(self) -> ReadoutConfig:
        """The readout of all columns."""
        return ReadoutConfig(
            target=self.target,
            columns=len(self.tables),
            sum_bits=self.target.form.width,
            bias=self.bias,
            lanes_latency=self.lanes[0].drain_latency,
        )

    @property
    def latency(self) -> int:
        """Cycles from the last word's fetch to the first sums being offered."""
        return 1 + self.readout.latency

    def cycles(self, image: np.ndarray) -> np.ndarray:
        """Return the cycles of each window of int64[taps, windows, channels] winners."""
        words = np.stack(
            [
                np.where(tap != 0, np.maximum(table.count, 1), 0).sum(axis=1)
                for tap, table in zip(image, self.tables, strict=True)
            ]
        )
        return np.maximum(words.max(axis=0), 1)

    def timing(self, arrivals: np.ndarray, cycles: np.ndarray | None = None) -> Timing:
        """Return when windows and beats of sums pass.

        `cycles` are those of each window; by default the most that any can take.
        """
        cycles = np.full(len(arrivals), self.worst_words) if cycles is None else cycles
        finish = -self.target.groups
        accepted, offered = [], []
        for arrival, busy in zip(arrivals.tolist(), cycles.tolist(), strict=True):
            # A window is taken when the one before finishes, and finishes when the readout is free.
            accepted.append(max(arrival, finish, (accepted or [-1])[-1] + 1))
            finish = max(accepted[-1] + busy, finish + self.target.groups)
            offered += [finish + self.latency + slot for slot in range(self.target.groups)]
        return Timing(np.array(accepted), np.array(offered))


class ZeroSkipConv(wiring.Component):
    """Fetch, for every winner of a window, the nonzero weights of its channel, and accumulate.

    The columns start a window together. Each walks through its winners, one word of weights a cycle; the
    window is finished when the last of them is. Its accumulators are then read out while the next window
    fills the other bank.

    Timing
    ------
    A window takes as many cycles as its slowest column has words, at least `target.groups` in the steady
    state, and never more than `config.cycles_per_window`. Sums are offered `config.latency` cycles after
    the window is finished.

    Numerics
    --------
    Exact: equals the convolution of `compiler.execute` on the same integers.

    Resources
    ---------
    `config.multipliers` multipliers, `2 × slots` accumulators behind each (estimated).

    Parameters
    ----------
    config : ZeroSkipConvConfig

    Members
    -------
    i : In(stream.Signature(ArrayLayout(source.payload, taps)))
        Windows, tap `row × kernel columns + column`.
    o : Out(stream.Signature(target.payload))
    """

    def __init__(self, config: ZeroSkipConvConfig) -> None:
        self.config = config
        windows = data.ArrayLayout(config.source.payload, len(config.tables))
        super().__init__(
            {"i": In(stream.Signature(windows)), "o": Out(stream.Signature(config.target.payload))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.readout = readout = Readout(config.readout)
        wiring.connect(m, wiring.flipped(self.o), readout.o)

        busy, bank, finish, accept = Signal(), Signal(), Signal(), Signal()
        done = Signal(len(config.tables))
        m.d.comb += [
            finish.eq(busy & done.all() & readout.free),
            self.i.ready.eq(readout.cleared & (~busy | finish)),
            accept.eq(self.i.valid & self.i.ready),
            readout.start.eq(finish),
            readout.bank.eq(bank),
        ]
        with m.If(finish):
            m.d.sync += [busy.eq(0), bank.eq(~bank)]
        with m.If(accept):
            m.d.sync += busy.eq(1)

        for tap, lanes_config in enumerate(config.lanes):
            m.submodules[f"column{tap}"] = lanes = shared(platform, Lanes(lanes_config))
            m.submodules[f"words{tap}"] = words = Rom(config.tables[tap].rom)
            m.d.comb += [
                words.enable.eq(1),
                lanes.word.eq(words.data),
                lanes.drain.valid.eq(readout.drain.valid),
                lanes.drain.clear.eq(readout.drain.clear),
                lanes.drain.bank.eq(readout.drain.bank),
                lanes.drain.slot.eq(readout.drain.slot),
                lanes.issue.bank.eq(bank),
                readout.sums[tap].eq(lanes.sums),
            ]
            m.d.comb += done[tap].eq(self._column(m, tap, words, lanes, accept))
        return m

    def _column(self, m: Module, tap: int, words: Rom, lanes: Lanes, accept: Signal) -> Signal:
        """Walk through the winners of one tap; return "this is the last cycle, or nothing is left"."""
        table = self.config.tables[tap]
        arriving = self.i.payload[tap]
        left = Signal.like(arriving.count, name=f"left{tap}")
        pairs = Signal(arriving.pairs.shape(), name=f"pairs{tap}")
        word = Signal(range(int(table.count.max(initial=1)) + 1), name=f"word{tap}")
        pair, final = pairs[0], Signal(name=f"final{tap}")
        entry = look_up(m, table, pair.index)
        m.d.comb += [
            final.eq(word + 1 >= entry.count),
            lanes.issue.valid.eq((left != 0) & (entry.count != 0)),
            words.address.eq(entry.start + word),
            lanes.issue.value.eq(pair.value),
        ]
        with m.If(left != 0):
            m.d.sync += word.eq(Mux(final, 0, word + 1))
            with m.If(final):
                # The next pair shifts to the front, so that no multiplexer selects it.
                shifted = Cat(*[pairs[n].as_value() for n in range(1, self.config.source.at_most)])
                m.d.sync += [left.eq(left - 1), pairs.as_value().eq(shifted)]
        with m.If(accept):
            m.d.sync += [left.eq(arriving.count), pairs.eq(arriving.pairs)]
        return (left == 0) | ((left == 1) & final)
