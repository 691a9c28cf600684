"""Matrix-vector product that multiplies nonzero inputs by nonzero weights and nothing else."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from hdl.mac.capacity import check_time, word_contents
from hdl.mac.fetch import directory_layout, directory_rows, times
from hdl.mac.lanes import Lanes
from hdl.mac.lanes_config import LanesConfig
from hdl.mac.readout import Readout, ReadoutConfig
from hdl.mac.words import WordTable
from hdl.memory.loadable import Loadable, add_loadables
from hdl.memory.loading import Contents, lead_chain
from hdl.memory.rom import Rom, RomConfig
from hdl.streams.component import StreamComponent
from hdl.streams.formats import DenseFormat, EntryFormat, bits_of
from hdl.streams.timing import Timing

__all__ = ["ZeroSkipLinear", "ZeroSkipLinearConfig"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ZeroSkipLinearConfig:
    """A zero-skipping matrix-vector product: one column of lanes.

    Parameters
    ----------
    source : EntryFormat
        The nonzero inputs.
    target : DenseFormat
        Of the accumulators, a flat vector. A beat's lanes are the lanes of the array, its groups the slots.
    table : WordTable
        The weights; an input is numbered as `source` numbers it.
    bias : int64[outputs]
        In accumulator units.
    loads : bool
        Whether weights and biases can be loaded.
    """

    source: EntryFormat
    target: DenseFormat
    table: WordTable
    bias: np.ndarray = field(repr=False)
    loads: bool = False

    def __post_init__(self) -> None:
        if (self.table.lanes, self.table.slots) != (self.target.lanes, self.target.groups):
            raise ValueError(
                f"table must have {self.target.lanes} lanes × {self.target.groups} slots, "
                f"not {self.table.lanes} × {self.table.slots}"
            )
        if self.table.inputs != len(self.source.order):
            raise ValueError(f"table must have {len(self.source.order)} inputs, not {self.table.inputs}")

    @cached_property
    def worst_words(self) -> int:
        """Cycles in which the words of a frame's entries are fetched, at most."""
        return self.table.cycles(self.source.at_most)

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames, at most."""
        return self.worst_words + self.target.groups

    @property
    def multipliers(self) -> int:
        """Products a cycle."""
        return self.target.lanes

    @cached_property
    def lanes(self) -> LanesConfig:
        """The column."""
        return LanesConfig.for_table(self.table, self.source.form, self.target.form.width, banks=1)

    @cached_property
    def readout(self) -> ReadoutConfig:
        """The readout of the column."""
        return ReadoutConfig(
            target=self.target, columns=1, banks=self.lanes.banks, sum_bits=self.target.form.width,
            bias=self.bias, lanes_latency=self.lanes.drain_latency, loads=self.loads,
            rests=self.lanes.legs > 0,
        )  # fmt: skip

    def contents(self, table: WordTable | None = None, bias: np.ndarray | None = None) -> list[Contents]:
        """Return what its memories hold, in the order of the chain, with other weights and biases if given.

        Raises CapacityError if those do not fit, or would make frames take longer.
        """
        new = self.table if table is None else table
        check_time("a frame", new.cycles(self.source.at_most), self.worst_words)
        return [
            *word_contents(self.table, new), self.readout.contents(self.bias if bias is None else bias)
        ]  # fmt: skip

    @property
    def directory(self) -> RomConfig | None:
        """Where each input's words lie; None if that follows from its number."""
        if self.table.words_per_input is not None:
            return None
        layout = directory_layout(self.table)
        words = tuple(bits_of(layout, row) for row in directory_rows(self.table))
        return RomConfig(words=words, bits=layout.size)

    @property
    def latency(self) -> int:
        """Cycles from the last word's fetch to the first sums being offered."""
        return 1 + self.readout.latency

    @property
    def constant_time(self) -> bool:
        """Whether every frame takes as long, whatever the data: none with more than one word does."""
        return self.worst_words == 1

    def timing(
        self, arrivals: np.ndarray, words: np.ndarray | None = None, last: np.ndarray | None = None
    ) -> Timing:
        """Return when entries and beats of sums pass.

        `words` are the cycles that each arriving entry takes (at least 1), `last` marks those that end
        a frame; given both, the answer is exact. By default frames have as many entries as they can,
        of the inputs with the most words, and those last: no frame takes longer.
        """
        if words is None or last is None:
            active = self.source.at_most
            frames = len(arrivals) // active
            words = np.tile(np.sort(np.maximum(self.table.count, 1))[-active:], frames)
            last = np.tile(np.arange(active) == active - 1, frames)
        accepted: list[int] = []
        offered: list[int] = []
        taken, start, end, drained = -1, 0, -1, -1
        for arrival, busy, final in zip(arrivals.tolist(), words.tolist(), last.tolist(), strict=True):
            # An entry is looked up while the words of the one before it are fetched.
            taken = max(arrival, taken + 1, start - 1)
            accepted.append(taken)
            start = max(taken + 2, end + 1)
            end = max(start, drained + 1) + busy - 1
            if final:
                drained = end + self.target.groups
                offered += [end + self.latency + slot for slot in range(self.target.groups)]
        return Timing(np.array(accepted), np.array(offered))


class ZeroSkipLinear(StreamComponent):
    """Fetch the nonzero weights of every entry's input, and accumulate; read out at the frame's end.

    The accumulators have one bank: what is read out is short beside what is fetched, and a second bank would
    double their memory and the ports of it.

    Timing
    ------
    An entry takes as many cycles as its input has words, at least one, and the readout a cycle a slot; a
    frame never more than `config.cycles_per_frame` in the steady state. Sums are offered `config.latency`
    cycles after the last word of a frame was fetched.

    Numerics
    --------
    Exact: equals the matrix product of `compiler.execute` on the same integers.

    Resources
    ---------
    `config.multipliers` multipliers, `slots` accumulators behind each; memories for the words and,
    if inputs differ in their number of words, for the directory (estimated).

    Parameters
    ----------
    config : ZeroSkipLinearConfig

    Members
    -------
    i : In(stream.Signature(source.payload))
    o : Out(stream.Signature(target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, table = self.config, self.config.table
        m.submodules.readout = readout = Readout(config.readout)
        m.submodules.lanes = lanes = Lanes(config.lanes)
        loadables = add_loadables(m, config.contents()[:-1]) if config.loads else {}
        if config.loads:
            lead_chain(m, self, [*loadables.values(), readout])
            words = loadables["words"]
        else:
            m.submodules.words = words = Rom(replace(table.rom, legs=config.lanes.legs))
        wiring.connect(m, wiring.flipped(self.o), readout.o)
        wiring.connect(m, lanes.drain, readout.drain)
        m.d.comb += [readout.sums[0].eq(lanes.sums), words.enable.eq(1)]
        m.d["sync" if config.loads and config.lanes.legs else "comb"] += lanes.word.eq(words.data)

        # Stage 1: look the entry's words up. Stage 2: fetch them, one a cycle.
        entry, looking = Signal(config.source.payload), Signal()
        found, fetching = Signal(config.source.payload), Signal()
        address = Signal.like(words.address)
        remaining = Signal(range(int(table.count.max(initial=1)) + 1))
        end, finish, advance = Signal(), Signal(), Signal()
        place = self._place(m, self.i.ready, loadables.get("directory"))
        # Whether a word is the last of its entry: known a cycle early unless that waits for a directory.
        issuing, early = Signal(), Signal()
        final = early if config.directory is None else remaining <= 1
        m.d.comb += [
            issuing.eq(fetching & readout.idle),
            end.eq(issuing & final),
            finish.eq(end & found.last),
            advance.eq(~fetching | end),
            self.i.ready.eq(readout.primed & (~looking | advance)),
            readout.start.eq(finish),
            lanes.issue.valid.eq(issuing & (remaining != 0)),
            lanes.issue.value.eq(found.value),
        ]
        # A memory with legs has registers for its address within, and one behind it.
        leg = address
        for number in range(config.lanes.legs if config.loads else 0):
            leg, before = Signal.like(address, name=f"leg{number}"), leg
            m.d.sync += leg.eq(before)
        m.d.comb += words.address.eq(leg)
        with m.If(self.i.ready):
            m.d.sync += [looking.eq(self.i.valid), entry.eq(self.i.payload)]
        with m.If(lanes.issue.valid):
            m.d.sync += [remaining.eq(remaining - 1), address.eq(address + 1), early.eq(remaining == 2)]
        with m.If(advance):
            m.d.sync += [fetching.eq(looking), found.eq(entry), address.eq(place.start)]
            # A beat without an element has nothing to fetch; it takes its cycle all the same.
            m.d.sync += [remaining.eq(0), early.eq(1)]
            with m.If(looking & entry.active):
                m.d.sync += [remaining.eq(place.count), early.eq(place.count <= 1)]
        return m

    def _place(self, m: Module, enable: Signal, directory: Loadable | None) -> Signal:
        """Return where the words lie of the entry that entered stage 1."""
        layout = directory_layout(self.config.table)
        place = Signal(layout)
        uniform = self.config.table.words_per_input
        if uniform is not None:
            index = Signal(self.config.source.index_bits)
            with m.If(enable):
                m.d.sync += index.eq(self.i.payload.index)
            m.d.comb += [place.start.eq(times(index, uniform)), place.count.eq(uniform)]
            return place
        if directory is None:
            m.submodules.directory = directory = Rom(self.config.directory)
        m.d.comb += [
            directory.enable.eq(enable),
            directory.address.eq(self.i.payload.index),
            place.as_value().eq(directory.data),
        ]
        return place
