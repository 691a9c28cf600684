"""Convolution that multiplies winners by nonzero weights and nothing else."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.conv.walk import walk
from hdl.conv.zero_skip_config import ZeroSkipConvConfig
from hdl.mac.lanes import Lanes
from hdl.mac.readout import Readout
from hdl.memory.loadable import add_loadables
from hdl.memory.loading import lead_chain, loading_ports
from hdl.memory.rom import Rom, shared

__all__ = ["ZeroSkipConv", "ZeroSkipConvConfig"]


class ZeroSkipConv(wiring.Component):
    """Fetch, for every winner of a window, the nonzero weights of its channel, and accumulate.

    The columns start a window together. Each walks through its winners, a word of weights a cycle, a cycle at
    least for each; the window is finished when the last column is, and read out while the next one fills the
    other bank.

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
    `config.multipliers` products a cycle, with `2 × slots` accumulators behind each, or one for a lane of all
    columns if that has a single slot; a memory of words for each column.

    Parameters
    ----------
    config : ZeroSkipConvConfig

    Members
    -------
    i : In(stream.Signature(ArrayLayout(source.payload, taps)))
        Windows, tap `row × kernel columns + column`.
    o : Out(stream.Signature(target.payload))
    load : In(Chain()), loaded : Out(Chain())
        If `config.loads`.
    """

    def __init__(self, config: ZeroSkipConvConfig) -> None:
        self.config = config
        windows = data.ArrayLayout(config.source.payload, len(config.tables))
        ports = {"i": In(stream.Signature(windows)), "o": Out(stream.Signature(config.target.payload))}
        super().__init__(ports | loading_ports(config.loads))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.readout = readout = Readout(config.readout)
        wiring.connect(m, wiring.flipped(self.o), readout.o)
        busy, bank, finish, accept = Signal(), Signal(), Signal(), Signal()
        window = Signal(self.i.payload.shape(), reset_less=True)
        done = Signal(len(config.columns))
        m.d.comb += [
            finish.eq(busy & done.all() & readout.free),
            self.i.ready.eq(readout.primed & (~busy | finish)),
            accept.eq(self.i.valid & self.i.ready),
            readout.start.eq(finish), readout.bank.eq(bank),
        ]  # fmt: skip
        with m.If(finish):
            m.d.sync += [busy.eq(0), bank.eq(~bank)]
        with m.If(accept):
            m.d.sync += busy.eq(1)
        taken = accept
        if config.late:
            taken = Signal()
            m.d.sync += taken.eq(accept)
        with m.If(taken):
            m.d.sync += window.eq(self.i.payload)

        drained = readout.drain.signature.members
        loadables = add_loadables(m, config.contents()[:-1]) if config.loads else {}
        if config.loads:
            lead_chain(m, self, [*loadables.values(), readout])
        for number, column in enumerate(config.columns):
            m.submodules[f"column{number}"] = lanes = shared(platform, Lanes(config.lanes))
            words, directory = (loadables.get(f"{kind}{number}") for kind in ("words", "directory"))
            if words is None:
                m.submodules[f"words{number}"] = words = Rom(column.table.rom)
            pairs, coming = (
                [held[column.taps[tap]].pairs[rank] for tap, rank in column.places]
                for held in (window, self.i.payload)
            )
            walked = walk(m, column, pairs, coming, accept, config.late, directory)
            m.d.comb += [
                words.enable.eq(1),
                lanes.word.eq(words.data),
                readout.sums[number].eq(lanes.sums),
                done[number].eq(walked.done),
            ]
            # What goes to the lanes beside an address takes as long as finding that.
            m.d["sync" if config.addressed else "comb"] += [
                words.address.eq(walked.address), lanes.issue.valid.eq(walked.valid),
                lanes.issue.value.eq(walked.value), lanes.issue.bank.eq(bank),
                *(getattr(lanes.drain, name).eq(getattr(readout.drain, name)) for name in drained),
            ]  # fmt: skip
        return m
