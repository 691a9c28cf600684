"""Find the k-th largest of many keys, four bits a sweep."""

from dataclasses import dataclass
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources

__all__ = ["RadixSelect", "RadixSelectConfig"]

DIGIT_BITS = 4
LARGEST_DIGIT = (1 << DIGIT_BITS) - 1
# Four small numbers are summed between two registers: two adders deep.
SUM_FAN_IN = 4


@dataclass(frozen=True, kw_only=True)
class RadixSelectConfig:
    """Sizes of one selector.

    Parameters
    ----------
    key_bits : int
        Width of a key.
    lanes : int
        Keys a beat.
    beats : int
        Beats a sweep.
    k : int
        Rank of the wanted key, the largest being 1; at most `lanes × beats`.
    """

    key_bits: int
    lanes: int
    beats: int
    k: int

    def __post_init__(self) -> None:
        for name in ("key_bits", "lanes", "beats"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive integer, not {getattr(self, name)!r}")
        if not 1 <= self.k <= self.lanes * self.beats:
            raise ValueError(f"k must be from 1 to {self.lanes * self.beats} keys, not {self.k!r}")

    @property
    def digits(self) -> int:
        """Sweeps that find a key."""
        return -(-self.key_bits // DIGIT_BITS)

    @property
    def sum_stages(self) -> int:
        """Registers on the way from one lane to the sum of all."""
        stages = 1
        while SUM_FAN_IN**stages < self.lanes:
            stages += 1
        return stages

    @property
    def latency(self) -> int:
        """Cycles from the last beat of a sweep to its digit being known."""
        # Match; sum; accumulate; compare; decide.
        return 1 + self.sum_stages + 1 + 1 + 1

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a match and a digit for each lane, a count for each value of a digit."""
        count_bits = bits_for_range(self.lanes * self.beats + 1)
        selected = DIGIT_BITS * -(-2 * self.digits // (fabric.lut_inputs - 1))
        lane = Resources(lut=2 * self.digits + 2 + selected, ff=1 + DIGIT_BITS)
        reaching = Resources(lut=self.lanes * LARGEST_DIGIT)
        parts = -(-self.lanes // SUM_FAN_IN)
        added = Resources(lut=round(1.25 * self.lanes), ff=parts * 3)
        count = fabric.sum(count_bits) + fabric.comparison(count_bits) + Resources(ff=count_bits + 1)
        larger = fabric.logic(count_bits * -(-LARGEST_DIGIT // (fabric.lut_inputs - 1)) * 2, 2 * count_bits)
        found = fabric.logic(50, self.key_bits + 4 * self.digits + 20)
        return self.lanes * lane + reaching + LARGEST_DIGIT * (added + count) + larger + found

    @property
    def gap(self) -> int:
        """Cycles that must pass without a beat between two sweeps."""
        return self.latency - 1


class RadixSelect(wiring.Component):
    """Find the k-th largest of keys that come by once for every digit.

    The first sweep tells how many keys have at least each first digit, and so which first digit the k-th
    largest has; the next sweep looks at the second digits of the keys that begin like that; and so on.

    Timing
    ------
    Never waits. The same beats must come `config.digits` times, with `config.gap` cycles or more between the
    last beat of a sweep and the first of the next; the first sweep of other keys may follow as closely.
    The key is out `config.latency` cycles after the last beat of the last sweep, with `o.valid` for one
    cycle; it stays until the next first digit is found.

    Numerics
    --------
    Exact; equal keys count once each.

    Resources
    ---------
    For each lane a comparison of `key_bits` and 15 LUT; for each of 15 digits a sum over lanes, a counter
    and a comparison. 16 lanes, 94 beats, 19 bits: 1,207 LUT, 566 FF (Yosys 0.70, `synth_xilinx
    -family xcup`).

    Parameters
    ----------
    config : RadixSelectConfig

    Members
    -------
    i : In(stream.Signature({last, keys}, always_ready=True))
        `last` marks the last beat of each sweep.
    o : Out(stream.Signature(key_bits, always_ready=True))
    """

    def __init__(self, config: RadixSelectConfig) -> None:
        self.config = config
        beat = data.StructLayout({"last": 1, "keys": data.ArrayLayout(config.key_bits, config.lanes)})
        super().__init__(
            {
                "i": In(stream.Signature(beat, always_ready=True)),
                "o": Out(stream.Signature(config.key_bits, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        digits = self.config.digits
        found = Signal(data.ArrayLayout(DIGIT_BITS, digits), reset_less=True)
        current = Signal(digits, init=1 << (digits - 1))
        above = Signal(digits)  # The digits before the current one, which are found already.

        flags = Cat(self.i.valid, self.i.valid & self.i.payload.last)
        reaching, flags = self._match(m, found, current, above, flags)
        sums, flags = self._sum(m, reaching, flags)
        counts, counted = self._accumulate(m, sums, flags)
        digit, decided = self._decide(m, counts, counted, current[0])

        with m.If(decided):
            for number in range(digits):
                with m.If(current[number]):
                    m.d.sync += found[number].eq(digit)
            m.d.sync += current.eq(current.rotate_right(1))
            m.d.sync += above.eq(Mux(current[0], 0, above | current))
        m.d.sync += self.o.valid.eq(decided & current[0])
        m.d.comb += self.o.payload.eq(found)
        return m

    def _delay(self, m: Module, flags: Value, name: str) -> Signal:
        after = Signal(len(flags), name=name)
        m.d.sync += after.eq(flags)
        return after

    def _match(
        self, m: Module, found: data.View, current: Signal, above: Signal, flags: Value
    ) -> tuple[list[list[Value]], Signal]:
        """For each digit from 1 up, tell which lanes match what is found and have at least that digit."""
        reaching = [[] for _ in range(LARGEST_DIGIT)]
        for lane in range(self.config.lanes):
            key = self.i.payload.keys[lane]
            digits = [key[low : low + DIGIT_BITS] for low in range(0, self.config.key_bits, DIGIT_BITS)]
            match, digit = Signal(name=f"match_{lane}"), Signal(DIGIT_BITS, name=f"digit_{lane}")
            equal = Cat(own == wanted for own, wanted in zip(digits, found, strict=True))
            m.d.sync += match.eq((equal | ~above).all())
            m.d.sync += digit.eq(reduce(or_, (Mux(current[n], own, 0) for n, own in enumerate(digits))))
            for least in range(1, LARGEST_DIGIT + 1):
                reaching[least - 1].append(match & (digit >= least))
        return reaching, self._delay(m, flags, "matched")

    def _sum(self, m: Module, terms: list[list[Value]], flags: Signal) -> tuple[list[Value], Signal]:
        """Add up the lanes of each digit."""
        for stage in range(self.config.sum_stages):
            most = min(self.config.lanes, SUM_FAN_IN ** (stage + 1))
            for row, lanes in enumerate(terms):
                terms[row] = []
                for start in range(0, len(lanes), SUM_FAN_IN):
                    part = Signal(range(most + 1), name=f"sum_{stage}_{row + 1}_{start}")
                    m.d.sync += part.eq(sum(lanes[start : start + SUM_FAN_IN]))
                    terms[row].append(part)
            flags = self._delay(m, flags, f"summed_{stage}")
        return [row[0] for row in terms], flags

    def _accumulate(self, m: Module, sums: list[Value], flags: Signal) -> tuple[list[Signal], Signal]:
        """Count the keys of a sweep that reach each digit; say when the count is complete."""
        valid, last = flags
        fresh = Signal(init=1)
        counts = []
        for number, part in enumerate(sums, start=1):
            count = Signal(bits_for_range(self.config.lanes * self.config.beats + 1), name=f"count_{number}")
            with m.If(valid):
                m.d.sync += count.eq(Mux(fresh, 0, count) + part)
            counts.append(count)
        with m.If(valid):
            m.d.sync += fresh.eq(last)
        return counts, self._delay(m, last, "counted")

    def _decide(
        self, m: Module, counts: list[Signal], counted: Signal, first_again: Value
    ) -> tuple[Value, Signal]:
        """Take the largest digit that enough keys reach; its rank among those falls by what lies above."""
        rank = Signal(range(self.config.k + 1), init=self.config.k)
        enough = Signal(LARGEST_DIGIT)
        m.d.sync += enough.eq(Cat(count >= rank for count in counts))
        decided = self._delay(m, counted, "decided")

        chosen = Signal(LARGEST_DIGIT + 1)
        m.d.comb += chosen.eq(Cat(Const(1, 1), enough) & ~Cat(enough, Const(0, 1)))
        digit = Cat(
            Cat(one for n, one in enumerate(chosen) if n >> bit & 1).any() for bit in range(DIGIT_BITS)
        )
        larger = Signal.like(counts[0])
        m.d.sync += larger.eq(reduce(or_, (Mux(one, n, 0) for one, n in zip(chosen, counts, strict=False))))
        with m.If(self._delay(m, decided, "settled")):
            m.d.sync += rank.eq(Mux(self._delay(m, first_again, "restart"), self.config.k, rank - larger))
        return digit, decided
