"""Frames of bytes on a line that may lose, spoil or invent some: flags, escapes and a checksum.

A frame is `FLAG`, its bytes and their checksum with every `FLAG` and `ESCAPE` in them escaped, `FLAG`. An
escaped byte is `ESCAPE` and the byte with bit 5 turned over. The checksum is CRC-32 as of Ethernet, lowest
byte first. Between two frames any number of flags may stand; after any garbage the next flag begins anew.
"""

import binascii
from collections.abc import Iterator

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc import Algorithm
from amaranth.lib.wiring import In, Out

__all__ = ["CHECK_BYTES", "ESCAPE", "FLAG", "FrameReceiver", "FrameSender", "enframe", "split_frames"]

FLAG, ESCAPE, TURNED = 0x7E, 0x7D, 0x20
CHECK_BYTES = 4

CRC_32 = Algorithm(
    crc_width=32, polynomial=0x04C11DB7, initial_crc=0xFFFFFFFF, reflect_input=True, reflect_output=True,
    xor_output=0xFFFFFFFF,
)  # fmt: skip


def enframe(content: bytes) -> bytes:
    """Return the bytes on the line for one frame.

    >>> enframe(b"1~").hex()
    '7e317d5e764939307e'
    """
    checked = content + binascii.crc32(content).to_bytes(CHECK_BYTES, "little")
    escaped = checked.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPE ^ TURNED]))
    return bytes([FLAG]) + escaped.replace(bytes([FLAG]), bytes([ESCAPE, FLAG ^ TURNED])) + bytes([FLAG])


def split_frames(line: bytes) -> Iterator[bytes | None]:
    """Yield the content of each frame between two flags; None for one whose checksum is wrong.

    What stands before the first flag and after the last is ignored.
    """
    for piece in line.split(bytes([FLAG]))[1:-1]:
        if piece:
            yield _opened(piece)


def _opened(piece: bytes) -> bytes | None:
    """Return what is between two flags without escapes and checksum; None if it is no frame."""
    content, turned = bytearray(), 0
    for byte in piece:
        if byte == ESCAPE and not turned:
            turned = TURNED
        else:
            content.append(byte ^ turned)
            turned = 0
    if turned or len(content) <= CHECK_BYTES:
        return None
    found = bytes(content[:-CHECK_BYTES])
    return found if content[-CHECK_BYTES:] == binascii.crc32(found).to_bytes(CHECK_BYTES, "little") else None


class FrameReceiver(wiring.Component):
    """Take frames off a line: their bytes as they come, and at the end whether they may be believed.

    Timing
    ------
    A byte passes the cycle after it was accepted, an end is told two cycles after its flag. Throughput one
    byte in two cycles, in three if it is a flag.

    Parameters
    ----------
    most : int
        Bytes of the longest frame, with its checksum.

    Members
    -------
    i : In(stream.Signature(8))
    byte : Out(8), byte_valid : Out(1)
        A byte of the frame or, in its last four, of its checksum.
    length : Out(range(most + 2))
        Bytes of the frame so far, before this one; stays at `most` + 1 for one that is too long.
    good, bad : Out(1)
        A frame ended, with and without fault; empty ones are told of by neither.
    pause : In(1)
        Accept nothing.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(
            {
                "i": In(stream.Signature(8)), "byte": Out(8), "byte_valid": Out(1),
                "length": Out(range(most + 2)), "good": Out(1), "bad": Out(1), "pause": In(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC_32(data_width=8).create()
        turned, ended = Signal(), Signal()
        # A byte is looked at out of a register, so that who holds it waits for nothing that hangs on it.
        taken, take, flag, escapes = Signal(8), Signal(), Signal(), Signal()
        m.d.sync += [
            take.eq(self.i.valid & self.i.ready), taken.eq(self.i.payload),
            flag.eq(self.i.payload == FLAG), escapes.eq(self.i.payload == ESCAPE),
        ]  # fmt: skip
        # Checksum and length were complete before the flag came.
        matched, whole, empty = Signal(), Signal(), Signal()
        m.d.sync += [
            matched.eq(crc.match_detected), empty.eq(self.length == 0),
            whole.eq((self.length > CHECK_BYTES) & (self.length <= self.most)),
        ]  # fmt: skip
        believed = matched & whole & ~turned
        escape = escapes & ~turned
        m.d.comb += [
            self.i.ready.eq(~take & ~ended & ~self.pause),
            self.byte.eq(taken ^ Mux(turned, TURNED, 0)),
            self.byte_valid.eq(take & ~flag & ~escape),
            crc.data.eq(self.byte),
            crc.valid.eq(self.byte_valid),
            crc.start.eq(ended),
            self.good.eq(ended & believed),
            self.bad.eq(ended & ~believed & (~empty | turned)),
        ]
        m.d.sync += ended.eq(take & flag)
        with m.If(take & ~flag):
            m.d.sync += turned.eq(escape)
        with m.If(self.byte_valid & (self.length != self.most + 1)):
            m.d.sync += self.length.eq(self.length + 1)
        with m.If(ended):
            m.d.sync += [turned.eq(0), self.length.eq(0)]
        return m


class FrameSender(wiring.Component):
    """Put frames on a line.

    Timing
    ------
    Throughput one byte of the frame in two cycles, in three if it is escaped; honors backpressure.

    Members
    -------
    i : In(stream.Signature(StructLayout({"byte": 8, "last": 1})))
    o : Out(stream.Signature(8))
    """

    def __init__(self) -> None:
        layout = data.StructLayout({"byte": 8, "last": 1})
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC_32(data_width=8).create()
        turned, number, check = Signal(), Signal(range(CHECK_BYTES)), Signal(32)
        # A byte is sent out of a register: who brings it does not wait for what is to be escaped.
        byte, holds, last, sent, passed = Signal(8), Signal(), Signal(), Signal(), Signal()
        special = (byte == FLAG) | (byte == ESCAPE)
        take = self.i.valid & self.i.ready
        # The checksum takes a byte out of the register, too: it is complete before it is asked for.
        opened, counted = Signal(), Signal()
        m.d.sync += [opened.eq(0), counted.eq(take)]
        m.d.comb += [
            sent.eq(self.o.valid & self.o.ready),
            passed.eq(holds & sent & (~special | turned)),
            self.o.valid.eq(holds),
            self.o.payload.eq(Mux(turned, byte ^ TURNED, Mux(special, ESCAPE, byte))),
            crc.data.eq(byte),
            crc.valid.eq(counted),
            crc.start.eq(opened),
        ]
        with m.If(holds & sent):
            m.d.sync += turned.eq(special & ~turned)
        with m.If(passed):
            m.d.sync += holds.eq(0)

        with m.FSM():
            with m.State("OPEN"):
                m.d.comb += [self.o.payload.eq(FLAG), self.o.valid.eq(self.i.valid)]
                m.d.sync += opened.eq(1)
                with m.If(sent):
                    m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += self.i.ready.eq(~holds)
                with m.If(take):
                    m.d.sync += [byte.eq(self.i.payload.byte), last.eq(self.i.payload.last), holds.eq(1)]
                with m.If(passed & last):
                    m.next = "SUM"
            with m.State("SUM"):
                m.d.sync += check.eq(crc.crc)
                m.next = "CHECK"
            with m.State("CHECK"):
                with m.If(~holds):
                    m.d.sync += [byte.eq(check), check.eq(check >> 8), holds.eq(1)]
                with m.If(passed):
                    m.d.sync += number.eq(number + 1)
                    with m.If(number == CHECK_BYTES - 1):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [self.o.payload.eq(FLAG), self.o.valid.eq(1)]
                with m.If(sent):
                    m.next = "OPEN"
        return m
