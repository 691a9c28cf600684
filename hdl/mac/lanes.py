"""Multiply-accumulate lanes: a fetched word of weights, times one activation, into owned accumulators."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.mac.lanes_config import LanesConfig, drain_signature
from hdl.streams.formats import element

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """Accumulate `value × weight` of a word, each lane into the slot that the word names, if there are more.

    A command reaches the accumulators a fixed time after it enters; nothing stalls. A bank must not be issued
    to and drained in the same cycle. Words are outside: `word` is that of the command of
    `config.fetch_latency` cycles before.

    Timing
    ------
    One word per cycle. Sums appear `config.drain_latency` cycles after the drain command; products of lanes
    that do not accumulate as many after their issue, and 0 of a cycle without one.

    Numerics
    --------
    Exact; widths are the caller's proof.

    Resources
    ---------
    A lane has one multiplier, or half of one if paired, registers right before and behind it, one adder,
    and `banks × slots` accumulators in distributed memory, which two banks read at two ports.

    Parameters
    ----------
    config : LanesConfig

    Members
    -------
    issue : In
        `valid`, `bank`, `value` of the activation, in the cycle in which its word is addressed.
    word : In(lanes × lane_bits)
        The word, `config.fetch_latency` cycles later.
    drain : In(drain_signature)
    sums : Out(ArrayLayout(signed(left_bits), lanes))
    """

    def __init__(self, config: LanesConfig) -> None:
        self.config = config
        issue = wiring.Signature(
            {
                "valid": Out(1),
                "bank": Out(1),
                "value": Out(element(config.form)),
            }
        )
        super().__init__(
            {
                "issue": In(issue),
                "word": In(config.lanes * config.lane_bits),
                "drain": In(drain_signature(config.slots)),
                "sums": Out(data.ArrayLayout(signed(config.left_bits), config.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config

        # Stage 1: the word is fetched, in more cycles from afar; the activation and the commands keep pace.
        # Stage 2: operands rest in registers in front of the multiplier.
        # Stage 3: the product rests behind it.
        value = Signal.like(self.issue.value, name="issued")
        m.d.comb += value.eq(self.issue.value)
        if not config.accumulates:
            m.d.comb += value.eq(Mux(self.issue.valid, self.issue.value, 0))
        elif config.banks == 1:
            # While a slot of a single bank drains, nothing but 0 is written. To clear the product itself
            # would keep its registers out of the multiplier.
            m.d.comb += value.eq(Mux(self.drain.valid, 0, self.issue.value))
        far = 2 * config.legs
        value = self._delayed(m, value, 2 + far, reset_less=True)
        valid = self._delayed(m, self.issue.valid, 3 + far)
        bank = self._delayed(m, self.issue.bank, 3 + far)
        coming = [self._delayed(m, getattr(self.drain, name), 2 + far) for name in ("valid", "slot", "bank")]
        draining, *drained = (self._delayed(m, signal, 1) for signal in coming)
        word = self._delayed(m, self.word, config.last_legs, reset_less=True)
        fields = [word.word_select(lane, config.lane_bits) for lane in range(config.lanes)]
        products = self._products(m, [field[: config.weight_bits] for field in fields], value)
        for lane, (field, (product, carry)) in enumerate(zip(fields, products, strict=True)):
            if not config.accumulates:
                m.d.sync += self.sums[lane].eq(product + carry)
                continue
            slot = Const(0, len(self.drain.slot))
            if config.slot_bits:
                slot = self._delayed(m, field[config.weight_bits :], 1, reset_less=True)
            if config.banks == 1:  # settled before: much hangs on it
                slot = Mux(coming[0], coming[1][: len(slot)], slot)
            following = slot
            if config.slot_bits:
                slot = self._delayed(m, slot, 1, reset_less=True)

            # Stage 4: add to the accumulator, or drain it.
            depth = max(2, config.banks << len(slot))
            stored = memory.Memory(shape=signed(config.sum_bits), depth=depth, init=[])
            m.submodules[f"bank{lane}"] = stored
            read, write = stored.read_port(domain="comb"), stored.write_port()
            kept = Signal(signed(config.sum_bits), name=f"kept{lane}")
            # A place below the others takes what is carried in: one adder for three terms.
            total = Cat(carry, product).as_signed() + Cat(Const(1, len(carry)), kept).as_signed()
            m.d.comb += write.data.eq(total >> len(carry))
            if config.deep:
                writes = valid | draining
                self._add_late(m, lane, following, slot, writes, draining, read, write, kept)
                continue
            m.d.comb += write.addr.eq(read.addr)
            if config.banks == 2:
                second = stored.read_port(domain="comb")
                m.d.comb += [
                    read.addr.eq(Cat(slot, bank)),
                    kept.eq(read.data),
                    write.en.eq(valid),
                    second.addr.eq(Cat(drained)),
                ]
                m.d.sync += self.sums[lane].eq(second.data)
            else:
                m.d.comb += [
                    read.addr.eq(slot),
                    kept.eq(Mux(draining, 0, read.data)),
                    write.en.eq(valid | draining),
                ]
                m.d.sync += self.sums[lane].eq(read.data)
        return m

    def _add_late(
        self, m: Module, lane: int, following: Value, slot: Signal, writes: Value, draining: Signal,
        read: memory.ReadPort, write: memory.WritePort, kept: Signal,
    ) -> None:  # fmt: skip
        """Read an accumulator a cycle before it is added to; what is under way to it comes first."""
        found, again = Signal.like(kept, name=f"found{lane}"), Signal(name=f"again{lane}")
        m.d.comb += [
            read.addr.eq(slot), write.addr.eq(self._delayed(m, slot, 1, reset_less=True)),
            write.en.eq(self._delayed(m, writes, 1)),
            kept.eq(Mux(self._delayed(m, draining, 1), 0, found)),
        ]  # fmt: skip
        m.d.sync += [
            again.eq(following == slot), found.eq(Mux(again & write.en, write.data, read.data)),
            self.sums[lane].eq(found),
        ]  # fmt: skip

    def _products(self, m: Module, weights: list[Value], value: Signal) -> list[tuple[Value, Value]]:
        """Return each lane's product, two cycles behind its weight or three, and what is carried into it."""
        bits, step, products = self.config.product_bits, 1 + self.config.paired, []
        for first in range(0, len(weights), step):
            shared = weights[first : first + step]
            # Two weights in one factor: the lower product stays within its bits, and the upper weight, stored
            # less one where the lower is negative, makes up for the lower's extended sign.
            spaced = [part.as_signed() for part in shared]
            spaced[:-1] = [Cat(part, part[-1].replicate(bits - len(part))) for part in shared[:-1]]
            width = bits * (len(shared) - 1) + self.config.weight_bits
            # Free of resets: a multiplier of an ECP5 can then hold them itself.
            factor = Signal(signed(width), name=f"weight{first}", reset_less=True)
            product = Signal(signed(bits * len(shared)), name=f"product{first}", reset_less=True)
            m.d.sync += [factor.eq(Cat(spaced)), product.eq(factor * value)]
            if self.config.deep:
                product = self._delayed(m, product, 1, reset_less=True)
            products.append((product[:bits].as_signed(), Const(0, 0)))
            if len(shared) == 2:
                # A negative lower product has borrowed one from the upper.
                products.append((product[bits:].as_signed(), product[bits - 1]))
        return products

    @staticmethod
    def _delayed(m: Module, signal: Value, cycles: int, *, reset_less: bool = False) -> Signal:
        for _ in range(cycles):
            register = Signal(signal.shape(), name="delayed", reset_less=reset_less)
            m.d.sync += register.eq(signal)
            signal = register
        return signal
