"""Let a host read and write a bus over a line: a frame asks, a frame answers.

Every request can be repeated without harm, so that a host that misses an answer asks again. A request is
its number (2 bytes), READ or WRITE, an address (3 bytes), and then the count of bytes to read, or the
bytes to write. Its answer is the number and the operation with bit 7 set and, of a read, the bytes. Numbers
are the host's own; all of more than one byte begin with the lowest. A request with anything wrong is not
answered.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.serial.framing import CHECK_BYTES, FrameReceiver, FrameSender
from hdl.streams.queue import Queue, QueueConfig

__all__ = [
    "ADDRESS_BITS", "ANSWER", "HEADER_BYTES", "MOST_DATA", "READ", "READ_LATENCY", "WRITE", "SerialBridge",
]  # fmt: skip

READ, WRITE, ANSWER = 0, 1, 0x80
ADDRESS_BITS = 20
HEADER_BYTES = 6
MOST_DATA = 64
"""Bytes that a request reads or writes at most."""
READ_LATENCY = 4
"""Cycles that a bus may take from an address to its byte."""


class SerialBridge(wiring.Component):
    """Carry out requests, one after another.

    A request is carried out only when its checksum was right, so that nothing is ever written that the host
    did not send. While one is being carried out the line waits: whoever feeds `i` holds what comes.

    Timing
    ------
    A write takes a cycle a byte, a read `READ_LATENCY` + 2 and what the line takes. The bus is driven by
    registers.

    Members
    -------
    i, o : streams of bytes from and to the line
    address : Out(ADDRESS_BITS), write : Out(1), write_data : Out(8), read_data : In(8)
        The bus; `read_data` is that of an address that was steady for `READ_LATENCY` cycles.
    refused : Out(1)
        High for a cycle when a frame is given up: wrong checksum, or no request.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(8)), "o": Out(stream.Signature(8)), "address": Out(ADDRESS_BITS),
                "write": Out(1), "write_data": Out(8), "read_data": In(8), "refused": Out(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        longest = HEADER_BYTES + MOST_DATA + CHECK_BYTES
        m.submodules.receiver = receiver = FrameReceiver(longest)
        m.submodules.sender = sender = FrameSender()
        # What is sent does not decide in the same cycle what is done next.
        layout = sender.i.payload.shape()
        m.submodules.answers = answers = Queue(QueueConfig(bits=layout.size, depth=2))
        m.submodules.kept = kept = memory.Memory(shape=8, depth=128, init=[])
        header = Signal(8 * HEADER_BYTES)
        # From a position to its byte: a cycle to the bus, and what that takes.
        latency = READ_LATENCY + 1
        count, position, waited = Signal(range(128)), Signal(range(128)), Signal(range(latency + 1))
        self._keep(m, receiver, kept.write_port(), header)
        stored = kept.read_port(domain="comb")
        number, operation, first = header[:16], header[16:24], header[24:48]
        asks_read, asks_write, asked = self._judge(m, receiver.length, operation, first, stored.data)
        writing = Signal()
        m.d.sync += [
            self.address.eq(first + position), self.write_data.eq(stored.data), self.write.eq(writing),
        ]  # fmt: skip
        m.d.comb += [
            receiver.i.payload.eq(self.i.payload), receiver.i.valid.eq(self.i.valid),
            self.i.ready.eq(receiver.i.ready), self.o.payload.eq(sender.o.payload),
            self.o.valid.eq(sender.o.valid), sender.o.ready.eq(self.o.ready), stored.addr.eq(position),
            receiver.pause.eq(1),
        ]  # fmt: skip
        answer = Cat(number, operation | ANSWER)
        payload, step = layout(answers.i.payload), answers.i.valid & answers.i.ready
        m.d.comb += [
            Value.cast(sender.i.payload).eq(answers.o.payload), sender.i.valid.eq(answers.o.valid),
            answers.o.ready.eq(sender.i.ready),
        ]  # fmt: skip
        with m.FSM():
            with m.State("LISTEN"):
                m.d.comb += [receiver.pause.eq(0), self.refused.eq(receiver.bad)]
                m.d.sync += [position.eq(0), waited.eq(0)]
                with m.If(receiver.good):
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.comb += self.refused.eq(~(asks_read | asks_write))
                m.d.sync += count.eq(asked)
                m.next = "LISTEN"
                with m.If(asks_write):
                    m.next = "WRITE"
                with m.If(asks_read):
                    m.next = "ANSWER"
            with m.State("WRITE"):
                m.d.comb += writing.eq(1)
                m.d.sync += [position.eq(position + 1), count.eq(count - 1)]
                with m.If(count == 1):
                    m.d.sync += position.eq(0)
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [
                    payload.byte.eq(answer.word_select(position[:2], 8)), answers.i.valid.eq(1),
                    payload.last.eq((position == 2) & (operation == WRITE)),
                ]  # fmt: skip
                with m.If(step):
                    m.d.sync += position.eq(position + 1)
                    with m.If(position == 2):
                        m.d.sync += position.eq(0)
                        m.next = "LISTEN"
                        with m.If(operation == READ):
                            m.next = "READ"
            with m.State("READ"):
                ready = waited == latency
                m.d.comb += [
                    payload.byte.eq(self.read_data), answers.i.valid.eq(ready),
                    payload.last.eq(count == 1),
                ]  # fmt: skip
                m.d.sync += waited.eq(Mux(ready, Mux(step, 0, waited), waited + 1))
                with m.If(step):
                    m.d.sync += [position.eq(position + 1), count.eq(count - 1)]
                    with m.If(payload.last):
                        m.next = "LISTEN"
        return m

    def _judge(
        self, m: Module, length: Signal, operation: Value, first: Value, byte: Signal
    ) -> tuple[Signal, Signal, Signal]:
        """Return, three cycles late, whether a frame asks to read, or to write, and how many bytes.

        `byte` is the one behind the header. All of it stands still for longer before a frame ends.
        """
        carried, whole, sane, asks = Signal(range(128)), Signal(), Signal(), Signal(8)
        m.d.sync += [
            asks.eq(byte),
            carried.eq(length - (HEADER_BYTES + CHECK_BYTES)),
            whole.eq((length >= HEADER_BYTES + 1 + CHECK_BYTES) & (first >> ADDRESS_BITS == 0)),
            sane.eq((length == HEADER_BYTES + 1 + CHECK_BYTES) & (asks <= MOST_DATA) & (asks != 0)),
        ]  # fmt: skip
        reads = whole & sane & (operation == READ)
        asks_read, asks_write, asked = Signal(), Signal(), Signal(range(128))
        m.d.sync += [
            asks_read.eq(reads), asks_write.eq(whole & (operation == WRITE)),
            asked.eq(Mux(reads, asks, carried)),
        ]  # fmt: skip
        return asks_read, asks_write, asked

    def _keep(self, m: Module, receiver: FrameReceiver, port: memory.WritePort, header: Signal) -> None:
        """Keep a frame's header in registers, and what follows in a memory from 0 on."""
        inside = receiver.length < HEADER_BYTES
        room = receiver.length < HEADER_BYTES + MOST_DATA + CHECK_BYTES
        m.d.comb += [
            port.addr.eq(receiver.length - HEADER_BYTES), port.data.eq(receiver.byte),
            port.en.eq(receiver.byte_valid & ~inside & room),
        ]  # fmt: skip
        with m.If(receiver.byte_valid & inside):
            m.d.sync += header.eq(Cat(header[8:], receiver.byte))
