"""Send frames out over AXI4-Stream, one element a transfer, in natural order."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.axi_stream import AxiStream
from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources, total
from hdl.streams.counter import count_rounds
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing

__all__ = ["Egress", "EgressConfig"]


@dataclass(frozen=True, kw_only=True)
class EgressConfig:
    """What the frames are.

    Parameters
    ----------
    source : DenseFormat
    """

    source: DenseFormat

    @property
    def data_bits(self) -> int:
        """Width of `tdata`, an element's container: 32, or 64 if its format is wider."""
        return 32 if self.source.form.width <= 32 else 64

    @property
    def beats(self) -> int:
        """Transfers a frame: one for each element."""
        return self.source.shape[0] * self.source.pixels

    @property
    def buffers(self) -> int:
        """Pixels held: enough to fill the next ones while one is sent. Two, but for very small pixels."""
        period = self.cycles_per_frame // self.source.pixels
        return max(2, -(-(self.source.groups + self.source.shape[0] + 1) // period))

    @property
    def latency(self) -> int:
        """Cycles from a pixel's last accepted beat to its first element's being offered."""
        return 4

    @property
    def cycles_per_frame(self) -> int:
        """Cycles from one frame to the next."""
        return self.source.pixels * max(self.source.shape[0], self.source.groups)

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a memory of pixels, a table of places, a choice of a lane."""
        source = self.source
        queue = QueueConfig(bits=source.form.width + 1, depth=self.latency)
        places = bits_for_range(source.groups) + bits_for_range(source.lanes)
        parts = [
            queue.cost(fabric),
            fabric.memory(source.payload.size, self.buffers * source.groups),
            fabric.memory(places, source.shape[0], constant=True),
            fabric.choice(source.lanes, source.form.width),
            fabric.counter(source.pixels) + fabric.counter(source.shape[0]) + fabric.counter(source.groups),
        ]
        return total(parts) + fabric.logic(25, 20)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats and elements pass. Exact."""
        channels = self.source.shape[0]
        starts: list[int] = []
        accepted = [-1]
        for number, beats in enumerate(arrivals.reshape(-1, self.source.groups).tolist()):
            room = starts[number - self.buffers] + channels + 1 if number >= self.buffers else 0
            for arrival in beats:
                accepted.append(max(arrival, accepted[-1] + 1, room))
            starts.append(max(accepted[-1] + 1, starts[-1] + channels if starts else 0))
        offered = (np.array(starts)[:, None] + np.arange(channels)).reshape(-1) + self.latency - 1
        return Timing(np.array(accepted[1:]), offered)

    def encode(self, tensor: np.ndarray) -> list[int]:
        """Turn int64[channels, height, width] into the `tdata` of one frame; `tlast` goes with the last."""
        mask = (1 << self.data_bits) - 1
        return [value & mask for value in tensor.reshape(self.source.shape[0], -1).T.ravel().tolist()]

    def decode(self, words: list[int]) -> np.ndarray:
        """Put the `tdata` of one frame together: int64[channels, height, width]."""
        top = 1 << (self.data_bits - 1)
        values = np.array([(word ^ top) - top for word in words], dtype=np.int64)
        return values.reshape(self.source.pixels, -1).T.reshape(self.source.shape)


class Egress(wiring.Component):
    """Fill one pixel while another is sent, channel by channel.

    Timing
    ------
    Latency 4 cycles from a pixel's last beat to its first element. Throughput 1 element per cycle, without a
    gap between pixels. `i.ready` does not depend on `o.tready`.

    Order
    -----
    Pixels in raster order, channels in ascending order within a pixel. `tlast` with a frame's last element.

    Numerics
    --------
    Signed elements are extended by their sign, unsigned ones by zeros.

    Resources
    ---------
    A memory of `buffers` pixels, a table of one word a channel, a lane-wide multiplexer (estimated).

    Parameters
    ----------
    config : EgressConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(AxiStream(config.data_bits))
    """

    def __init__(self, config: EgressConfig) -> None:
        self.config = config
        super().__init__(
            {"i": In(stream.Signature(config.source.payload)), "o": Out(AxiStream(config.data_bits))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source, buffers = self.config.source, self.config.buffers
        depth = self.config.latency
        m.submodules.queue = queue = Queue(QueueConfig(bits=source.form.width + 1, depth=depth))
        m.submodules.pixels = pixels = memory.Memory(
            shape=source.payload, depth=buffers * source.groups, init=[]
        )
        m.submodules.table = table = self._table()
        slot, read = table.read_port(), pixels.read_port()
        # `unread` pixels wait to be sent; `unfreed` ones may still be read, so nothing is written over them.
        unread, unfreed = Signal(range(buffers + 1)), Signal(range(buffers + 1))
        send, written, leaving = Signal(), Signal(), Signal()
        credit, some = count_credit(m, depth, send, self.o.tvalid & self.o.tready)
        channel, final_channel = count_rounds(m, source.shape[0], send)
        _, final_pixel = count_rounds(m, source.pixels, final_channel)
        base = Signal(bits_for_range(buffers * source.groups))
        m.d.comb += [
            written.eq(self._write(m, pixels.write_port(), unfreed != buffers)),
            send.eq((unread != 0) & some),
            slot.addr.eq(channel),
        ]
        m.d.sync += [
            unread.eq(unread + written - final_channel),
            unfreed.eq(unfreed + written - leaving),
        ]
        with m.If(final_channel):
            m.d.sync += base.eq(Mux(base == (buffers - 1) * source.groups, 0, base + source.groups))
        # Stage 1: the channel's slot
        first = Signal.like(base)
        named, named_last = Signal(), Signal()
        m.d.sync += [first.eq(base), named.eq(send), named_last.eq(final_pixel), leaving.eq(final_channel)]
        m.d.comb += read.addr.eq(first + slot.data.group)
        # Stage 2: its group and lane
        lane = Signal(bits_for_range(source.lanes))
        found, last = Signal(), Signal()
        m.d.sync += [lane.eq(slot.data.lane), found.eq(named), last.eq(named_last)]
        # Stage 3: its value
        value = queue.o.payload[:-1]
        m.d.comb += [
            queue.i.payload.eq(Cat(read.data[lane], last)),
            queue.i.valid.eq(found),
            self.o.tdata.eq(value.as_signed() if source.form.signed else value),
            self.o.tlast.eq(queue.o.payload[-1]),
            self.o.tvalid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.tready),
        ]
        return m

    def _table(self) -> memory.Memory:
        """Return where each channel travels."""
        source = self.config.source
        places = [divmod(source.order.index(channel), source.lanes) for channel in range(source.shape[0])]
        layout = data.StructLayout(
            {"group": bits_for_range(source.groups), "lane": bits_for_range(source.lanes)}
        )
        init = [{"group": group, "lane": lane} for group, lane in places]
        return memory.Memory(shape=layout, depth=len(init), init=init)

    def _write(self, m: Module, port: memory.WritePort, room: Value) -> Value:
        """Write the beats behind each other, round and round; return whether this one completes a pixel."""
        take = Signal()
        address, _ = count_rounds(m, self.config.buffers * self.config.source.groups, take)
        _, complete = count_rounds(m, self.config.source.groups, take)
        m.d.comb += [
            self.i.ready.eq(room),
            take.eq(self.i.valid & room),
            port.addr.eq(address),
            port.data.eq(self.i.payload),
            port.en.eq(take),
        ]
        return complete
