"""Reading accumulators out: drain slot by slot, add the columns and the bias, queue the sums."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.mac.lanes_config import drain_signature
from hdl.mac.readout_config import ReadoutConfig
from hdl.memory.loadable import Loadable
from hdl.memory.loading import lead_chain, loading_ports
from hdl.streams.credit import count_credit
from hdl.streams.queue import Queue, QueueConfig

__all__ = ["Readout", "ReadoutConfig"]


class Readout(wiring.Component):
    """Drain a bank after the last word of a position, and queue what it gained.

    Timing
    ------
    A pulse on `start`, allowed while `free`, drains slot 0 in the next cycle and one slot a cycle from
    then on, `slots` in all. Pauses only when the output queue has no room. Sums are offered
    `config.latency` cycles after their drain command. After a reset `free` and `primed` stay low for
    `config.priming_cycles` cycles, in which all slots are drained of what the reset interrupted.

    Numerics
    --------
    Exact: sums are as wide as `target.form`, which the caller proved sufficient for any sum.

    Parameters
    ----------
    config : ReadoutConfig

    Members
    -------
    start, bank : In(1)
        Begin to drain a bank.
    free : Out(1)
        A start is allowed now; it may follow the last slot of the drain before without a gap.
    primed : Out(1)
        The slots are drained of what a reset interrupted; no word may be issued before.
    idle : Out(1)
        Nothing is being drained, now that the slots are primed; with one bank words may be issued.
    drain : Out(drain_signature)
        To every column of lanes.
    sums : In(ArrayLayout(ArrayLayout(signed(sum_bits), lanes), columns))
    o : Out(stream.Signature(target.payload))
    load : In(Chain()), loaded : Out(Chain())
        If `config.loads`.
    """

    def __init__(self, config: ReadoutConfig) -> None:
        self.config = config
        lanes = data.ArrayLayout(signed(config.sum_bits), config.target.lanes)
        super().__init__(
            {
                "start": In(1),
                "bank": In(1),
                "free": Out(1),
                "primed": Out(1),
                "idle": Out(1),
                "drain": Out(drain_signature(config.slots)),
                "sums": In(data.ArrayLayout(lanes, config.columns)),
                "o": Out(stream.Signature(config.target.payload)),
                **loading_ports(config.loads),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        depth = config.queue_depth
        m.submodules.queue = queue = Queue(
            QueueConfig(bits=config.target.payload.size, depth=depth)
        )
        priming, draining = Signal(init=1), Signal()
        # Whether the slot is the last: known a cycle early, as much waits for it.
        last = Signal(init=config.slots == 1)
        step, drain = Signal(), self.drain
        credit, some = count_credit(m, depth, step, self.o.valid & self.o.ready)
        # An accumulator of its own does not wait to be drained: there must be room for the slot at once.
        room = (credit > draining) if config.accumulates else Const(1)
        m.d.comb += [
            step.eq(draining & some),
            self.free.eq(~priming & (~draining | (step & last)) & room),
            drain.valid.eq(step | priming),
            self.primed.eq(~priming),
            self.idle.eq(~priming & ~draining),
        ]
        with m.If(drain.valid):
            m.d.sync += [drain.slot.eq(drain.slot + 1), last.eq(drain.slot + 2 == config.slots)]
            with m.If(last):
                m.d.sync += [draining.eq(0), drain.slot.eq(0), last.eq(config.slots == 1)]
                m.d.sync += drain.bank.eq(config.banks == 2)
                m.d.sync += priming.eq(priming & (config.banks == 2) & ~drain.bank)
        with m.If(self.start):
            m.d.sync += [draining.eq(1), drain.bank.eq(self.bank)]

        valid, drained = step, drain.valid
        slot, bank = drain.slot, drain.bank
        coming = Cat(slot, bank), slot  # what `bank` and `slot` are a cycle later
        sums_latency = config.lanes_latency + (config.tree_latency if config.banks == 2 else 0)
        for stage in range(sums_latency):
            # With one bank the bias memory takes the last of these cycles.
            if stage < sums_latency - config.bias_latency or config.banks == 2:
                coming = Cat(slot, bank), slot
                slot = self._registered(m, slot)
            valid, drained, bank = (self._registered(m, signal) for signal in (valid, drained, bank))
        terms = [[column[lane] for lane in range(config.target.lanes)] for column in self.sums]
        if config.leaves > config.columns:
            terms.append(self._rested(m, self._bias(m, slot)))
        while len(terms) > 1:
            if config.banks == 1:
                valid = self._registered(m, valid)
            terms = [self._added(m, terms[n : n + 2]) for n in range(0, len(terms), 2)]
        if config.accumulates:
            terms = [self._accumulated(m, terms[0])]
        if config.banks == 2:
            valid = self._registered(m, valid)
            terms = [self._gained(m, terms[0], drained, slot, bank, coming)]
        m.d.comb += [
            queue.i.valid.eq(valid),
            queue.i.payload.eq(Cat(self._resized(m, term) for term in terms[0])),
            self.o.payload.as_value().eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m

    def _gained(
        self, m: Module, totals: list[Signal], drained: Signal, slot: Signal, bank: Signal,
        coming: tuple[Value, Value],
    ) -> list[Signal]:  # fmt: skip
        """Take off what a slot held when it was drained before, less the bias; one cycle.

        What is taken off is looked up a cycle before: a slot comes back only after all the others. `coming`
        is its place, and its slot, then.
        """
        layout, config = self.config.target.payload, self.config
        m.submodules.before = before = memory.Memory(
            shape=layout, depth=2 << len(slot), init=[], attrs={"ram_style": "distributed"}
        )
        write = before.write_port()
        m.d.comb += write.en.eq(drained)
        if config.accumulates:
            # The only accumulator, which has no other to come back after.
            read, biases = before.read_port(domain="comb"), self._only_bias(m, slot)
            m.d.comb += [read.addr.eq(slot), write.addr.eq(slot)]
        else:
            read, biases = before.read_port(), self._bias(m, coming[1])
            m.d.comb += [read.addr.eq(coming[0]), write.addr.eq(Cat(slot, bank))]
        gained = []
        for lane, (total, bias) in enumerate(zip(totals, biases, strict=True)):
            result = Signal.like(total, name="gained")
            m.d.sync += result.eq(total - read.data[lane])
            m.d.comb += write.data[lane].eq(total - bias)
            gained.append(result)
        return gained

    def _only_bias(self, m: Module, slot: Signal) -> list[Value]:
        """Return the biases of the only slot."""
        if self.config.loads:
            return self._loadable_bias(m, slot)
        width = self.config.target.form.width
        return [Const(value, signed(width)) for value in self.config.rows(self.config.bias)[0]]

    def _accumulated(self, m: Module, terms: list[Signal]) -> list[Signal]:
        """Add what comes to what came before; one cycle."""
        totals = [Signal(signed(self.config.target.form.width), name=f"total{n}") for n in range(len(terms))]
        m.d.sync += [total.eq(total + term) for total, term in zip(totals, terms, strict=True)]
        return totals

    def _bias(self, m: Module, slot: Signal) -> list[Signal]:
        """Look up the biases of a slot; one cycle."""
        if self.config.loads:
            return self._loadable_bias(m, slot)
        layout = self.config.target.payload
        lanes, rows = self.config.target.lanes, self.config.rows(self.config.bias)
        rows += [[0] * lanes] * (2 - len(rows))
        m.submodules.bias = stored = memory.Memory(shape=layout, depth=len(rows), init=rows)
        port = stored.read_port()
        m.d.comb += port.addr.eq(slot)
        return [port.data[lane] for lane in range(lanes)]

    def _rested(self, m: Module, biases: list[Value]) -> list[Value]:
        """Return what rests behind the memory; of plain registers, which block RAM takes for its own."""
        if not self.config.rests:
            return biases
        resting = [Signal.like(bias, name="resting", reset_less=True) for bias in biases]
        m.d.sync += [register.eq(bias) for register, bias in zip(resting, biases, strict=True)]
        return resting

    def _loadable_bias(self, m: Module, slot: Signal) -> list[Value]:
        """Look up the biases of a slot in a memory that can be loaded."""
        width = self.config.target.form.width
        m.submodules.bias = stored = Loadable(self.config.contents(self.config.bias))
        lead_chain(m, self, [stored])
        m.d.comb += [stored.address.eq(slot), stored.enable.eq(1)]
        return [stored.data.word_select(lane, width).as_signed() for lane in range(self.config.target.lanes)]

    def _added(self, m: Module, terms: list[list[Signal]]) -> list[Signal]:
        """Add one or two terms lane by lane, behind a register."""
        sums = []
        for parts in zip(*terms, strict=True):
            width = min(max(len(part) for part in parts) + len(parts) - 1, self.config.target.form.width)
            total = Signal(signed(width), name="total")
            m.d.sync += total.eq(parts[0] + parts[1] if len(parts) == 2 else parts[0])
            sums.append(total)
        return sums

    def _resized(self, m: Module, term: Signal) -> Signal:
        result = Signal(signed(self.config.target.form.width), name="result")
        m.d.comb += result.eq(term)
        return result

    @staticmethod
    def _registered(m: Module, signal: Signal) -> Signal:
        register = Signal.like(signal, name="registered")
        m.d.sync += register.eq(signal)
        return register
