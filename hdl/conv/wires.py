"""Convolution with its weights as wires: one graph of adders computes all filters of a window."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.conv.adder_graph import AdderGraph, build_adder_graph
from hdl.conv.adder_stages import AdderStages, make_stages
from hdl.conv.adder_trees import Adder
from hdl.conv.signed_digits import Term
from hdl.conv.subexpressions import Range
from hdl.resources import Fabric, Resources
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["WiresConv", "WiresConvConfig"]


@dataclass(frozen=True, kw_only=True, eq=False)
class WiresConvConfig:
    """A convolution whose weights are wired into a graph of adders.

    Parameters
    ----------
    source : DenseFormat
        Of the image, one pixel a beat; the input port carries windows of its payloads.
    target : DenseFormat
        Of the accumulators, one beat a pixel, or one for `columns` adjacent ones.
    weight : int64[columns × filters, channels, taps]
        Of all filters at the first column, then at the next, as `side_by_side` makes it.
    bias : int64[columns × filters]
        In accumulator units.
    adders_per_stage : int
        Adders in a row between two registers; at least 1. Fewer allow a higher clock and take more
        registers.
    """

    source: DenseFormat
    target: DenseFormat
    weight: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)
    adders_per_stage: int = 2

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            groups = getattr(self, name).groups
            if groups != 1:
                raise ValueError(f"{name} must have one beat a pixel, not {groups}")
        if self.source.columns != 1:
            raise ValueError(f"source must have one pixel a beat, not {self.source.columns}")
        sums = self.target.shape[0] * self.target.columns
        if len(self.weight) != sums or len(self.bias) != sums:
            raise ValueError(f"weight and bias must be those of {sums} sums, not of {len(self.weight)}")
        if self.adders_per_stage < 1:
            raise ValueError(f"adders_per_stage must be a positive integer, not {self.adders_per_stage!r}")

    @property
    def taps(self) -> int:
        """Pixels that a beat of windows covers."""
        return self.weight.shape[2]

    @property
    def multipliers(self) -> int:
        """Products a cycle that take a multiplier: none."""
        return 0

    @property
    def constant_time(self) -> bool:
        """Time does not depend on data."""
        return True

    @property
    def cycles_per_window(self) -> int:
        """Cycles from a beat of windows to the next."""
        return 1

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames. Does not depend on the data."""
        return self.target.beats

    @cached_property
    def graph(self) -> AdderGraph:
        """The adders. Its inputs are the window's numbers, tap by tap, in each the source's lanes.

        Its outputs are the filters, in natural order, column by column.
        """
        form = self.source.form
        sums = self.weight.shape[0]
        by_lane = [
            self.weight[:, channel] if channel >= 0 else np.zeros((sums, self.taps), dtype=np.int64)
            for channel in self.source.order
        ]
        matrix = np.stack(by_lane, axis=2).reshape(sums, -1)
        return build_adder_graph(matrix, self.bias, [Range(form.minimum, form.maximum)] * matrix.shape[1])

    @cached_property
    def stages(self) -> AdderStages:
        """The pipeline."""
        return make_stages(self.graph, self.adders_per_stage)

    @property
    def latency(self) -> int:
        """Cycles from a window's leaving the input register to its sums being offered."""
        return self.stages.count + 1

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes; some adders of few bits need no table of their own."""
        outputs = [term.signal for term in self.graph.outputs if isinstance(term, Term)]
        width = max(1, sum(self.graph.ranges[signal].bits for signal in outputs))
        queue = QueueConfig(bits=width, depth=self.latency + 2)
        window = self.taps * self.source.payload.size
        adders = self.graph.adder_bits if fabric.lut_inputs == 4 else round(0.92 * self.graph.adder_bits)
        registers = self.stages.register_bits + window + self.stages.count
        return Resources(lut=adders, ff=registers) + fabric.logic(12, 6) + queue.cost(fabric)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when windows are taken and sums are offered. Exact."""
        accepted = wait_in_order(arrivals)
        return Timing(accepted, accepted + 1 + self.latency)


class WiresConv(wiring.Component):
    """Add up shifted pixels and shared sums of them, for all filters and columns at once.

    Timing
    ------
    A beat of windows a cycle. Sums are offered `config.latency` cycles after their window is in the input
    register. The pipeline never stalls: a window enters it while the queue behind it has room.

    Numerics
    --------
    Exact; every adder is as wide as the values that it can take. The model is
    `config.graph.evaluate`.

    Resources
    ---------
    No multiplier. `config.graph.adder_bits` LUTs, `config.stages.register_bits` registers, and the queue
    (estimated). 64 filters of 12 weights in 25 taps, 8-bit pixels, biases, two adders a stage
    (synthesized, Yosys 0.70, xcup): trained 8-bit weights 10,749 LUTs and 7,488 registers; the same
    weights rounded to two signed digits 8,879 LUTs and 6,593 registers; about 75 RAM32M16 for the queue,
    2.9 ns between registers at most, by its estimate.

    Parameters
    ----------
    config : WiresConvConfig

    Members
    -------
    i : In(stream.Signature(ArrayLayout(source.payload, taps)))
        Windows, tap `row × kernel columns + column`.
    o : Out(stream.Signature(target.payload))
    """

    def __init__(self, config: WiresConvConfig) -> None:
        self.config = config
        windows = data.ArrayLayout(config.source.payload, config.taps)
        super().__init__(
            {"i": In(stream.Signature(windows)), "o": Out(stream.Signature(config.target.payload))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        depth = config.latency + 2
        window = Signal(self.i.payload.shape(), reset_less=True)
        sums = self._sums(m, window)
        width = sum(map(len, sums.values()))
        m.submodules.queue = queue = Queue(QueueConfig(bits=max(1, width), depth=depth))
        busy, go = Signal(), Signal()
        credit, some = count_credit(m, depth, go, self.o.valid & self.o.ready)
        m.d.comb += [go.eq(busy & some), self.i.ready.eq(~busy | some)]
        with m.If(self.i.ready):
            m.d.sync += [busy.eq(self.i.valid), window.eq(self.i.payload)]

        valid = go
        for _ in range(config.stages.count):
            delayed = Signal(name="valid")
            m.d.sync += delayed.eq(valid)
            valid = delayed
        m.d.comb += [
            queue.i.valid.eq(valid),
            queue.i.payload.eq(Cat(sums.values())),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        # The queue holds each sum no wider than its values are.
        results, start = list(config.graph.outputs), 0
        for number, kept in sums.items():
            unshifted = queue.o.payload[start : start + len(kept)].as_signed()
            results[number] = unshifted << config.graph.outputs[number].shift
            start += len(kept)
        target = config.target
        for place in range(target.elements):
            column, lane = divmod(place, target.lanes)
            if (channel := target.order[lane]) >= 0:
                m.d.comb += self.o.payload[place].eq(results[column * target.shape[0] + channel])
        return m

    def _sums(self, m: Module, window: data.View) -> dict[int, Value]:
        """Build the pipeline; return the sums that depend on the window, unshifted, by their number."""
        graph, stages = self.config.graph, self.config.stages
        lanes = self.config.source.lanes
        values = {n: window[n // lanes][n % lanes] for n in range(len(graph.inputs))}
        for stage in range(stages.count):
            for signal, adder in enumerate(graph.adders, len(graph.inputs)):
                if stages.stages[signal - len(graph.inputs)] == stage:
                    values[signal] = _add(m, adder, values, graph.ranges[signal].bits)
            for signal, alive in enumerate(stages.alive):
                if stage in alive:
                    register = Signal.like(values[signal], name="term", reset_less=True)
                    m.d.sync += register.eq(values[signal])
                    values[signal] = register
        return {
            number: values[term.signal]
            for number, term in enumerate(graph.outputs)
            if isinstance(term, Term)
        }


def _add(m: Module, adder: Adder, values: dict[int, Value], bits: int) -> Value:
    """Return a sum of that width, whose lowest bits are one operand's wherever the other has none."""
    left, right = values[adder.left.signal], adder.right
    free = adder.free_bits
    if isinstance(right, int):
        low, high, other, sign = Const(right, bits), Const(right >> free, signed(bits)), left, adder.left.sign
    elif adder.left.sign > 0:
        low, high, other, sign = left, left >> free, values[right.signal], right.sign
    else:
        low, high, other, sign = left, values[right.signal] << right.shift, left, -1
    total = Signal(signed(bits), name="sum")
    upper = Signal(bits - free, name="upper")
    m.d.comb += [
        upper.eq(high + other if sign > 0 else high - other),
        total.eq(Cat(_extended(low, free), upper)),
    ]
    return total


def _extended(value: Value, bits: int) -> Value:
    """Return the lowest bits of a number, which may be narrower."""
    extended = Const(0, signed(bits)) + value if len(value) < bits else value
    return extended[:bits]
