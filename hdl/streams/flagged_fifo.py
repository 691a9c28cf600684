"""A buffer whose flags are registers: whatever waits for them in the same cycle has that cycle to itself."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, memory

__all__ = ["FlaggedFIFO"]


class FlaggedFIFO(fifo.SyncFIFO):
    """The buffer of Amaranth's library, cycle for cycle, but for when its flags are computed.

    There `r_rdy` and `w_rdy` are comparisons of the level, in front of all the logic that waits for them;
    here they are known a cycle early.

    Timing
    ------
    A payload is offered the cycle after it was accepted. `w_rdy` does not depend on `r_en`.

    Parameters
    ----------
    width, depth : int
        Both at least 1.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.storage = storage = memory.Memory(shape=self.width, depth=self.depth, init=[])
        write, read = storage.write_port(), storage.read_port(domain="comb")
        produce, consume = Signal(range(self.depth)), Signal(range(self.depth))
        room, some = Signal(init=1), Signal()
        writes, reads = self.w_en & room, self.r_en & some
        m.d.comb += [
            self.w_rdy.eq(room), self.w_level.eq(self.level),
            self.r_rdy.eq(some), self.r_level.eq(self.level),
            write.addr.eq(produce), write.data.eq(self.w_data), write.en.eq(writes),
            read.addr.eq(consume), self.r_data.eq(read.data),
        ]  # fmt: skip
        m.d.sync += [
            self.level.eq(self.level + writes - reads),
            some.eq(writes | (self.level > 1) | (some & ~reads)),
            room.eq(reads | (self.level < self.depth - 1) | (room & ~writes)),
        ]
        for pointer, moves in ((produce, writes), (consume, reads)):
            with m.If(moves):
                m.d.sync += pointer.eq(Mux(pointer == self.depth - 1, 0, pointer + 1))
        return m
