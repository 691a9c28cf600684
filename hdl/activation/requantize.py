"""Scale wide accumulators down to activations, lane by lane."""

from dataclasses import dataclass, replace

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, signed

from hdl.numerics import FixedPoint, signed_bits
from hdl.resources import Fabric, Resources
from hdl.streams.component import StreamComponent
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["Requantize", "RequantizeConfig"]


@dataclass(frozen=True, kw_only=True)
class RequantizeConfig:
    """Formats and scale of one requantizer: `acc × multiplier / 2**shift`.

    Parameters
    ----------
    source : DenseFormat
        Accumulators.
    form : FixedPoint
        Of one activation. An unsigned form makes it a ReLU as well.
    multiplier : int
        Positive. A power of two costs no multiplier.
    shift : int
        At least 0.
    """

    source: DenseFormat
    form: FixedPoint
    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        if self.multiplier < 1:
            raise ValueError(f"multiplier must be a positive integer, not {self.multiplier!r}")
        if self.shift < 0:
            raise ValueError(f"shift must be 0 or more, not {self.shift!r}")
        bits = signed_bits(*(value + self.half for value in self._products))
        if bits > 64:
            raise ValueError(f"acc × multiplier + half must fit in 64 bits, not {bits}")

    @property
    def target(self) -> DenseFormat:
        """Activations: the source with another form."""
        return replace(self.source, form=self.form)

    @property
    def half(self) -> int:
        """What is added before the shift, so that it rounds."""
        return (1 << self.shift) >> 1

    @property
    def multiplies(self) -> bool:
        """Whether a stage of multipliers is needed."""
        return bool(self.multiplier & (self.multiplier - 1))

    @property
    def rounded_bits(self) -> int:
        """Width of the rounded number; one more than the target's, so that saturation is one rule."""
        ends = ((value + self.half) >> self.shift for value in self._products)
        return max(signed_bits(*ends), self.form.width + 1)

    @property
    def latency(self) -> int:
        """Cycles from an accepted beat to its being offered."""
        return 4 if self.multiplies else 3

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.source.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes; adding a constant takes a carry chain but, with six inputs, no tables."""
        queue = QueueConfig(bits=self.target.payload.size, depth=self.latency + 1)
        width, above = self.form.width, self.rounded_bits - self.form.width
        saturated = width + 1 if fabric.lut_inputs == 6 else width * (1 if above > 2 else 4) + 2
        rounded = 0 if fabric.lut_inputs == 6 else self.source.form.width
        lane = Resources(lut=saturated + rounded, ff=self.rounded_bits + width)
        if self.multiplies:
            bits = self.multiplier.bit_length() + 1
            lane += fabric.product(self.source.form.width, bits) + Resources(ff=self.source.form.width + bits)
        return self.source.lanes * lane + fabric.logic(10, 2 * self.latency) + queue.cost(fabric)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact."""
        accepted = wait_in_order(arrivals)
        return Timing(accepted, accepted + self.latency)

    @property
    def _products(self) -> tuple[int, int]:
        return self.source.form.minimum * self.multiplier, self.source.form.maximum * self.multiplier


class Requantize(StreamComponent):
    """Scale, round and saturate every lane.

    Timing
    ------
    Latency 3 cycles, 4 with a multiplier. Throughput 1 beat per cycle. No register stalls: a beat enters
    only while the output queue has room for it. `i.ready` does not depend on `o.ready`.

    Numerics
    --------
    Bit-exact with :func:`hdl.numerics.requantize`: round half up, then saturate. Padded slots stay 0.

    Resources
    ---------
    A lane: one adder, `rounded_bits` + target width registers, and one multiplier unless `multiplier` is
    a power of two (estimated).

    Parameters
    ----------
    config : RequantizeConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        depth = config.latency + 1
        m.submodules.queue = queue = Queue(QueueConfig(bits=config.target.payload.size, depth=depth))
        enter = Signal()
        credit, some = count_credit(m, depth, enter, self.o.valid & self.o.ready)
        flight = Signal(config.latency - 1)
        m.d.comb += [
            self.i.ready.eq(some),
            enter.eq(self.i.valid & self.i.ready),
            queue.i.valid.eq(flight[-1]),
            queue.i.payload.eq(Cat(self._lane(m, self.i.payload[n]) for n in range(config.source.elements))),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        m.d.sync += flight.eq(Cat(enter, flight))
        return m

    def _lane(self, m: Module, value: Value) -> Value:
        """Return one lane's activation, `latency - 1` registers later."""
        config = self.config
        # Stage 1, unless a shift does it: multiply
        product = value * config.multiplier
        if config.multiplies:
            product = Signal(Shape.cast(product.shape()), name="product")
            m.d.sync += product.eq(value * config.multiplier)
        # Stage 2: round
        rounded = Signal(signed(config.rounded_bits))
        m.d.sync += rounded.eq((product + config.half) >> config.shift)
        # Stage 3: saturate
        form = config.form
        result = Signal(form.width)
        above = rounded[form.width - 1 : -1] if form.signed else rounded[form.width : -1]
        negative = rounded[-1]
        low = Mux(above.all(), rounded[: form.width], form.minimum) if form.signed else 0
        m.d.sync += result.eq(Mux(negative, low, Mux(above.any(), form.maximum, rounded[: form.width])))
        return result
