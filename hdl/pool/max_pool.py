"""Take the maximum of non-overlapping windows of a dense stream."""

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory

from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources, total
from hdl.streams.component import StreamComponent
from hdl.streams.counter import count_rounds
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["MaxPool", "MaxPoolConfig"]

PLACES = 3
"""Of the queue: with the beat under way to it, enough for a maximum a cycle."""


@dataclass(frozen=True, kw_only=True)
class MaxPoolConfig:
    """Format and window of one pool.

    Parameters
    ----------
    source : DenseFormat
        Signed or unsigned.
        A beat of several pixels holds whole windows.
    kernel : (int, int)
        Window height and width, and the stride. A remainder of rows or columns is dropped.
    """

    source: DenseFormat
    kernel: tuple[int, int]

    def __post_init__(self) -> None:
        _, height, width = self.source.shape
        if not (1 <= self.kernel[0] <= height and 1 <= self.kernel[1] <= width):
            raise ValueError(f"kernel must be from (1, 1) to {(height, width)}, not {self.kernel!r}")
        if self.source.columns > 1 and self.source.columns % self.kernel[1]:
            raise ValueError(f"kernel must divide {self.source.columns} columns, not be {self.kernel!r}")

    @property
    def target(self) -> DenseFormat:
        """One pixel for each window; same form, lanes and order."""
        channels, height, width = self.source.shape
        shape = (channels, height // self.kernel[0], width // self.kernel[1])
        return replace(self.source, shape=shape, columns=max(1, self.source.columns // self.kernel[1]))

    @property
    def beats_across(self) -> tuple[int, int]:
        """Beats of a row, and of a window's width, for each group: fewer than pixels if beats hold more."""
        across = 1 if self.source.columns > 1 else self.kernel[1]
        return self.source.shape[2] // self.source.columns, across

    @property
    def words(self) -> int:
        """Partial maxima kept: an output beat for each group of each window of a row."""
        return self.target.shape[2] // self.target.columns * self.source.groups

    @property
    def latency(self) -> int:
        """Cycles from the accepted beat that completes a window to the maximum's being offered."""
        return 2

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.source.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: for each element a comparison, a choice, and a way past the memory."""
        lanes, width, across = self.target.payload.length, self.source.form.width, self.kernel[1]
        bits = self.target.payload.size
        queue = QueueConfig(bits=bits, depth=PLACES)
        compared = fabric.comparison(width) + Resources(lut=width)
        within = lanes * (across - 1) if self.source.columns > 1 else 0
        parts = [
            queue.cost(fabric),
            fabric.memory(bits, self.words),
            Resources(lut=lanes * width),
            (lanes + within) * compared,
            fabric.logic(45, 30 + self.source.payload.size),
        ]
        return total(parts)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact."""
        height, tall = self.source.shape[1], self.kernel[0]
        width, wide = self.beats_across
        accepted = wait_in_order(arrivals)
        frames = accepted.reshape(-1, height, width, self.source.groups)
        rows = np.arange(tall - 1, height, tall)
        columns = np.arange(wide - 1, width, wide)
        return Timing(accepted, frames[:, rows][:, :, columns].reshape(-1) + self.latency)


class MaxPool(StreamComponent):
    """Fold each beat into the partial maximum of its window; send the window's last one.

    Timing
    ------
    Latency 2 cycles from a window's last beat. Throughput 1 input beat per cycle. `i.ready` does not
    depend on `o.ready`.

    Numerics
    --------
    Bit-exact with :func:`hdl.numerics.max_pool`. Padded slots stay 0.

    Resources
    ---------
    A memory of `words` beats with one read and one write port, registers for a beat, one comparator a lane
    (estimated).

    Parameters
    ----------
    config : MaxPoolConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = self.config.target.payload
        m.submodules.queue = queue = Queue(QueueConfig(bits=layout.size, depth=PLACES))
        m.submodules.partial = partial = memory.Memory(shape=layout, depth=self.config.words, init=[])
        write = partial.write_port()
        read = partial.read_port(transparent_for=(write,))

        # Stage 1: where a beat belongs; what its window held so far is read.
        take, opens, closes, inside = Signal(), Signal(), Signal(), Signal()
        _, some = count_credit(m, PLACES, take & closes, self.o.valid & self.o.ready)
        height, tall = self.config.source.shape[1], self.config.kernel[0]
        width, wide = self.config.beats_across
        group, end_of_pixel = count_rounds(m, self.config.source.groups, take)
        column, end_of_row = count_rounds(m, width, end_of_pixel)
        _, end_of_frame = count_rounds(m, height, end_of_row)
        in_column, _ = count_rounds(m, wide, end_of_pixel, restart=end_of_row)
        in_row, _ = count_rounds(m, tall, end_of_row, restart=end_of_frame)
        place = self._place(m, take, group, column, in_column)
        m.d.comb += [
            # Asked of every beat, not only of those that close a window: a shorter path.
            self.i.ready.eq(some),
            take.eq(self.i.valid & self.i.ready),
            opens.eq((in_column == 0) & (in_row == 0)),
            closes.eq((in_column == wide - 1) & (in_row == tall - 1)),
            # Columns of the remainder have no window, and must not touch another's.
            inside.eq(column < width // wide * wide),
            read.addr.eq(place),
        ]

        # Stage 2: out of registers that no lane waits for; whether they hold a beat matters at the end alone.
        beat = Signal(self.i.payload.shape(), reset_less=True)
        opened = Signal(reset_less=True)
        m.d.sync += [
            beat.eq(self.i.payload), opened.eq(opens), write.addr.eq(place), write.en.eq(take & inside),
            queue.i.valid.eq(take & closes),
        ]  # fmt: skip
        pairs = zip(self._within(beat), read.data, strict=True)
        best = Cat(Mux(opened | (new > old), new, old) for new, old in pairs)
        m.d.comb += [
            write.data.eq(best),
            queue.i.payload.eq(best),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m

    def _within(self, beat: data.View) -> list[Value]:
        """Return the maxima of a beat's own windows, lane by lane."""
        source = self.config.source
        if source.columns == 1:
            return list(beat)
        pixels = [
            [beat[column * source.lanes + lane] for lane in range(source.lanes)]
            for column in range(source.columns)
        ]
        wide = self.config.kernel[1]
        return [
            reduce(lambda one, other: Mux(other > one, other, one), lane)
            for window in range(0, source.columns, wide)
            for lane in zip(*pixels[window : window + wide], strict=True)
        ]

    def _place(
        self, m: Module, take: Signal, group: Signal, column: Signal, in_column: Signal
    ) -> Signal:
        """Return where this beat's partial maximum is kept."""
        config = self.config
        place = Signal(bits_for_range(config.words))
        width, wide = config.beats_across
        last_group = group == config.source.groups - 1
        with m.If(take):
            m.d.sync += place.eq(place + 1)
            with m.If(last_group & (column == width - 1)):
                m.d.sync += place.eq(0)
            with m.Elif(last_group & (in_column != wide - 1)):
                m.d.sync += place.eq(place - (config.source.groups - 1))
        return place
