"""Both ends of a chain: pages of bytes go in, and what comes out decides whether they count."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from hdl.memory.loading import Chain
from hdl.numerics import bits_for_range

__all__ = ["CHECK_BYTES", "LOAD_READS", "LOAD_WRITES", "LoadPort"]

CHECK_BYTES = 4

LOAD_WRITES = ("weights_number",)
LOAD_READS = ("weights_done", "weights_checksum", "weights_status")
"""Registers of 32 bits by which a host loads, besides the page itself."""

HELD, FAILED = 0, 1
"""Bits of `status`."""


class LoadPort(wiring.Component):
    """Send a load down a chain, page by page, and hold what is loaded in reset until all has arrived.

    A load is the contents of all memories and their CRC-32, lowest byte first. It begins while `number` is 0.
    Page n is sent once `number` is n and page n - 1 was sent, then `done` is n: a host that repeats itself
    changes nothing. The last page may be longer than what is left. The checksum is computed of what comes
    out of the chain behind the last memory. Only if it is right is `hold` lowered; until then, and from
    the start of a load, whoever computes with the memories must be held in reset.

    Timing
    ------
    A byte a cycle.

    Parameters
    ----------
    page_bytes : int
    content_bytes : int
        Of all memories.

    Members
    -------
    number : In(32)
        All ones until the first load.
    index : Out(range(page_bytes)), byte : In(8)
        The page; `byte` is that at `index` in the same cycle.
    begin : Out(1)
        High in the cycle before the first byte of a page is taken.
    load : Out(Chain()), loaded : In(Chain())
    done, checksum, status : Out(32)
        Pages sent; the checksum of the last whole load, 0 before the first; bit 0: held, bit 1: the last load
        was spoiled.
    hold : Out(1)
    """

    def __init__(self, page_bytes: int, content_bytes: int) -> None:
        self.page_bytes, self.content_bytes = page_bytes, content_bytes
        super().__init__(
            {
                "number": In(32), "index": Out(bits_for_range(page_bytes)), "byte": In(8), "begin": Out(1),
                "load": Out(Chain()), "loaded": In(Chain()), "done": Out(32, init=-1), "checksum": Out(32),
                "status": Out(32), "hold": Out(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = crc = CRC32_ISO_HDLC(data_width=8).create()
        total = self.content_bytes + CHECK_BYTES
        left, coming = Signal(range(total + 1)), Signal(range(total + 1))
        restart, sending, next_page, last = Signal(), Signal(), Signal(), Signal()
        failed, judged, seen = Signal(), Signal(), Signal(32)
        m.d.comb += [
            restart.eq(self.number == 0),
            next_page.eq(self.hold & ~sending & ~restart & (self.number == self.done + 1)),
            self.begin.eq(next_page & (left != 0)),
            last.eq((self.index == self.page_bytes - 1) | (left == 1)),
            self.load.start.eq(restart),
            self.load.valid.eq(sending),
            self.load.fresh.eq(left > CHECK_BYTES),
            self.load.byte.eq(self.byte),
            crc.start.eq(restart),
            crc.valid.eq(self.loaded.valid),
            crc.data.eq(self.loaded.byte),
            self.status.eq(Cat(self.hold, failed)),
        ]
        with m.If(self.begin):
            m.d.sync += [sending.eq(1), self.index.eq(0)]
        with m.Elif(next_page):
            m.d.sync += self.done.eq(self.number)
        with m.If(sending):
            m.d.sync += [left.eq(left - 1), self.index.eq(self.index + 1), sending.eq(~last)]
            m.d.sync += self.done.eq(Mux(last, self.number, self.done))
        m.d.sync += judged.eq(self.loaded.valid & (coming == 1))
        with m.If(self.loaded.valid):
            m.d.sync += [coming.eq(coming - 1), seen.eq(Cat(seen[8:], self.loaded.byte))]
        with m.If(judged):
            m.d.sync += [failed.eq(~crc.match_detected), self.hold.eq(~crc.match_detected)]
            m.d.sync += self.checksum.eq(Mux(crc.match_detected, seen, 0))
        with m.If(restart):
            m.d.sync += [
                self.hold.eq(1), failed.eq(0), sending.eq(0), judged.eq(0), self.done.eq(0),
                left.eq(total), coming.eq(total),
            ]  # fmt: skip
        return m
