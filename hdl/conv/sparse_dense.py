"""Convolution of a dense image by sparse weights: stored indices select which pixels are multiplied."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.numerics import signed_bits
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing

__all__ = ["SparseDenseConv", "SparseDenseConvConfig"]


class Term(NamedTuple):
    """A number on its way down the adder tree, and the range that it can never leave."""

    value: Value
    low: int
    high: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseDenseConvConfig:
    """A sparse-dense convolution array.

    Parameters
    ----------
    source : DenseFormat
        Of the image, one beat a pixel; the input port carries windows of its payloads.
    target : DenseFormat
        Of the accumulators. Each of a pixel's groups takes a cycle, each lane has its own multipliers.
    weight : int64[filters, channels, taps]
    bias : int64[filters]
        In accumulator units.
    """

    source: DenseFormat
    target: DenseFormat
    weight: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        if self.source.groups != 1:
            raise ValueError(f"source must have one beat a pixel, not {self.source.groups}")

    @property
    def steps(self) -> int:
        """Cycles a window."""
        return self.target.groups

    @property
    def taps(self) -> int:
        """Pixels a window."""
        return self.weight.shape[2]

    @cached_property
    def products(self) -> tuple[tuple[tuple[tuple[int, int, int] | None, ...], ...], ...]:
        """`products[lane][multiplier][step]`: (tap, lane of the source, weight) to multiply, or None."""
        place = {channel: lane for lane, channel in enumerate(self.source.order)}
        lanes = []
        for lane in range(self.target.lanes):
            steps = []
            for channel in self.target.order[lane :: self.target.lanes]:
                found = [] if channel < 0 else np.argwhere(self.weight[channel])
                steps.append([(int(t), place[int(c)], int(self.weight[channel, c, t])) for c, t in found])
            count = max(map(len, steps))
            padded = [step + [None] * (count - len(step)) for step in steps]
            lanes.append(tuple(zip(*padded, strict=True)))
        return tuple(lanes)

    @property
    def multipliers(self) -> int:
        """Products a cycle."""
        return sum(map(len, self.products))

    @property
    def cycles_per_window(self) -> int:
        """Cycles from a window to the next."""
        return self.steps

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames. Does not depend on the data."""
        return self.steps * self.target.pixels

    @property
    def tree_latency(self) -> int:
        """Levels of the adder trees, a register behind each; the bias is one more term."""
        return max(len(lane) for lane in self.products).bit_length()

    @property
    def latency(self) -> int:
        """Cycles from a step to its sums being offered."""
        selection = int(self.steps > 1)
        return selection + 1 + self.tree_latency + 1

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when windows and beats of sums pass. Exact."""
        accepted, last, steps = [], -1, self.steps
        for arrival in arrivals.tolist():
            # A window is taken in the last step of the one before.
            accepted.append(max(arrival, last))
            last = accepted[-1] + steps
        taken = np.array(accepted, dtype=np.int64)
        return Timing(taken, np.add.outer(taken + 1 + self.latency, np.arange(steps)).reshape(-1))


class SparseDenseConv(wiring.Component):
    """Multiply the pixels that a filter's nonzero weights name, and add.

    A lane computes one filter a step. With one step a window the weights are constants of the logic;
    with more, each multiplier steps through its stored (weight, index) pairs.

    Timing
    ------
    A window takes `config.steps` cycles, whatever the data. Sums are offered `config.latency` cycles after
    their step.

    Numerics
    --------
    Exact; every adder is as wide as the real weights require.

    Resources
    ---------
    `config.multipliers` multipliers (estimated).

    Parameters
    ----------
    config : SparseDenseConvConfig

    Members
    -------
    i : In(stream.Signature(ArrayLayout(source.payload, taps)))
        Windows, tap `row × kernel columns + column`.
    o : Out(stream.Signature(target.payload))
    """

    def __init__(self, config: SparseDenseConvConfig) -> None:
        self.config = config
        windows = data.ArrayLayout(config.source.payload, config.taps)
        super().__init__(
            {"i": In(stream.Signature(windows)), "o": Out(stream.Signature(config.target.payload))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        depth = config.latency + 2
        m.submodules.queue = queue = Queue(QueueConfig(bits=config.target.payload.size, depth=depth))
        busy, step, go, last = Signal(), Signal(range(config.steps)), Signal(), Signal()
        credit, some = count_credit(m, depth, go, self.o.valid & self.o.ready)
        window = Signal(self.i.payload.shape())
        m.d.comb += [
            go.eq(busy & some),
            last.eq(step == config.steps - 1),
            self.i.ready.eq(~busy | (go & last)),
        ]
        with m.If(go):
            m.d.sync += step.eq(Mux(last, 0, step + 1))
        with m.If(self.i.ready):
            m.d.sync += [busy.eq(self.i.valid), window.eq(self.i.payload)]

        valid, sums = go, []
        for _ in range(config.latency - 1):
            delayed = Signal(name="valid")
            m.d.sync += delayed.eq(valid)
            valid = delayed
        for lane, products in enumerate(config.products):
            terms = [self._product(m, window, step, steps) for steps in products]
            sums.append(self._sum(m, [*terms, self._bias(m, lane, step)]))
        m.d.comb += [
            queue.i.valid.eq(valid),
            queue.i.payload.eq(Cat(sums)),
            self.o.payload.as_value().eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m

    def _product(self, m: Module, window: data.View, step: Signal, steps: tuple) -> Term:
        """Select this step's pixel and weight, and multiply them."""
        form = self.config.source.form
        weights = [entry[2] if entry else 0 for entry in steps]
        bits = signed_bits(min(weights), max(weights))
        if len(steps) == 1:
            tap, lane, weight = steps[0]
            pixel, factor = window[tap][lane], Const(weight, signed(bits))
        else:
            pixel, factor = Signal(window[0][0].shape(), name="pixel"), Signal(signed(bits), name="weight")
            with m.Switch(step):
                for number, entry in enumerate(steps):
                    with m.Case(number):
                        tap, lane, weight = entry or (0, 0, 0)
                        m.d.sync += [pixel.eq(window[tap][lane] if entry else 0), factor.eq(weight)]
        corners = [w * x for w in weights for x in (form.minimum, form.maximum)]
        return _registered(m, pixel * factor, min(corners), max(corners))

    def _bias(self, m: Module, lane: int, step: Signal) -> Term:
        """Select this step's bias, in time for the first level of the tree."""
        channels = self.config.target.order[lane :: self.config.target.lanes]
        bias = [int(self.config.bias[c]) if c >= 0 else 0 for c in channels]
        low, high = min(bias), max(bias)
        shape = signed(signed_bits(low, high))
        if len(bias) == 1:
            return Term(Const(bias[0], shape), low, high)
        selected = Signal(shape, name="bias")
        m.d.sync += selected.eq(Array(Const(b, shape) for b in bias)[step])
        return _registered(m, selected, low, high)

    def _sum(self, m: Module, terms: list[Term]) -> Value:
        """Add up the terms in a tree; every lane's tree is as deep as the deepest."""
        for _ in range(self.config.tree_latency):
            pairs = [terms[n : n + 2] for n in range(0, len(terms), 2)]
            terms = [
                _registered(
                    m,
                    pair[0].value + pair[1].value if len(pair) == 2 else pair[0].value,
                    sum(term.low for term in pair),
                    sum(term.high for term in pair),
                )
                for pair in pairs
            ]
        result = Signal(self.config.target.payload.elem_shape, name="result")
        m.d.comb += result.eq(terms[0].value)
        return result


def _registered(m: Module, value: Value, low: int, high: int) -> Term:
    """Put a register of just the needed width behind a value."""
    register = Signal(signed(signed_bits(low, high)), name="term")
    m.d.sync += register.eq(value)
    return Term(register, low, high)
