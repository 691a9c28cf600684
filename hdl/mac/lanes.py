"""Multiply-accumulate lanes: a fetched word of weights, times one activation, into owned accumulators."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.mac.words import WordTable
from hdl.numerics import FixedPoint, bits_for_range
from hdl.streams.formats import element

__all__ = ["Lanes", "LanesConfig", "drain_signature"]


@dataclass(frozen=True, kw_only=True)
class LanesConfig:
    """One column of lanes; columns whose weights alone differ have equal configurations.

    Parameters
    ----------
    lanes : int
        Products a cycle.
    slots : int
        Accumulators of a lane.
    banks : int
        1: draining an accumulator clears it. 2: one bank drains while the other accumulates, and
        accumulators run on: what a slot gained since it was drained before is its sum. Of a single slot that
        runs on, lanes hold none: products go on to one accumulator for all columns.
    weight_bits, slot_bits : int
        Of a lane's part of a word: the weight below, the slot above; no bits name a single slot.
    form : FixedPoint
        Of the activations.
    sum_bits : int
        Signed width of an accumulator; callers prove that no sum leaves it. Two banks count modulo
        its range.
    paired : bool
        Two neighboring lanes share a multiplier, fed with words of a paired table.
    """

    lanes: int
    slots: int
    banks: int
    weight_bits: int
    slot_bits: int
    form: FixedPoint
    sum_bits: int
    paired: bool = False

    def __post_init__(self) -> None:
        if self.banks not in (1, 2):
            raise ValueError(f"banks must be 1 or 2, not {self.banks!r}")
        if self.sum_bits < 1:
            raise ValueError(f"sum_bits must be a positive integer, not {self.sum_bits!r}")

    @classmethod
    def for_table(cls, table: WordTable, form: FixedPoint, sum_bits: int, banks: int) -> "LanesConfig":
        """Return the lanes that a table of words feeds."""
        return cls(
            lanes=table.lanes,
            slots=table.slots,
            banks=banks,
            weight_bits=table.weight_bits,
            slot_bits=table.slot_bits,
            form=form,
            sum_bits=sum_bits,
            paired=table.paired,
        )

    @property
    def lane_bits(self) -> int:
        """Bits of a lane's part of a word."""
        return self.weight_bits + self.slot_bits

    @property
    def multipliers(self) -> int:
        """Multipliers of the chip: two paired lanes share one."""
        return -(-self.lanes // (1 + self.paired))

    @property
    def product_bits(self) -> int:
        """Signed width of a product."""
        return self.weight_bits + self.form.width

    @property
    def accumulates(self) -> bool:
        """Whether lanes hold sums; else what leaves them are products."""
        return self.banks == 1 or self.slots > 1

    @property
    def left_bits(self) -> int:
        """Signed width of what leaves a lane."""
        return self.sum_bits if self.accumulates else min(self.sum_bits, self.product_bits)

    @property
    def issue_latency(self) -> int:
        """Cycles from an issued word's address to the accumulator's update."""
        return 3

    @property
    def drain_latency(self) -> int:
        """Cycles from a drained slot to its sums."""
        return self.issue_latency + 1


def drain_signature(slots: int) -> wiring.Signature:
    """Return the command that reads one slot of all lanes of a bank."""
    return wiring.Signature({"valid": Out(1), "bank": Out(1), "slot": Out(bits_for_range(slots))})


class Lanes(wiring.Component):
    """Accumulate `value × weight` of a word, each lane into the slot that the word names, if there are more.

    A command reaches the accumulators a fixed time after it enters; nothing stalls. A bank must not be issued
    to and drained in the same cycle. Words are outside: `word` is that of the command of the cycle before.

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
        The word, a cycle later.
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

        # Stage 1: the word is fetched; the activation and the commands keep pace with it.
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
        value = self._delayed(m, value, 2, reset_less=True)
        valid = self._delayed(m, self.issue.valid, 3)
        bank = self._delayed(m, self.issue.bank, 3)
        coming = [self._delayed(m, getattr(self.drain, name), 2) for name in ("valid", "slot", "bank")]
        draining, *drained = (self._delayed(m, signal, 1) for signal in coming)
        fields = [self.word.word_select(lane, config.lane_bits) for lane in range(config.lanes)]
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
            m.d.comb += [write.addr.eq(read.addr), write.data.eq(total >> len(carry))]
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

    def _products(self, m: Module, weights: list[Value], value: Signal) -> list[tuple[Value, Value]]:
        """Return each lane's product, two cycles behind its weight, and what is to be carried into it."""
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
            products.append((product[:bits].as_signed(), Const(0, 0)))
            if len(shared) == 2:
                # A negative lower product has borrowed one from the upper.
                products.append((product[bits:].as_signed(), product[bits - 1]))
        return products

    @staticmethod
    def _delayed(m: Module, signal: Signal, cycles: int, *, reset_less: bool = False) -> Signal:
        for _ in range(cycles):
            register = Signal.like(signal, name="delayed", reset_less=reset_less)
            m.d.sync += register.eq(signal)
            signal = register
        return signal
