"""The ports of AXI4-Lite with 32-bit data, and a component that answers it."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiLite", "RegisterPort"]

WORD_BITS = 32


class AxiLite(wiring.Signature):
    """AXI4-Lite as its master sees it; the members carry the standard's names.

    Parameters
    ----------
    address_bits : int
        Of a byte address; at least 3.
    """

    def __init__(self, address_bits: int) -> None:
        if address_bits < 3:
            raise ValueError(f"address_bits must be at least 3, not {address_bits!r}")
        self.address_bits = address_bits
        ports = {}
        for letter in "wr":
            ports |= {f"a{letter}addr": Out(address_bits), f"a{letter}prot": Out(3)}
            ports |= {f"a{letter}valid": Out(1), f"a{letter}ready": In(1)}
        ports |= {"wdata": Out(WORD_BITS), "wstrb": Out(WORD_BITS // 8), "wvalid": Out(1), "wready": In(1)}
        ports |= {"bresp": In(2), "bvalid": In(1), "bready": Out(1)}
        ports |= {"rdata": In(WORD_BITS), "rresp": In(2), "rvalid": In(1), "rready": Out(1)}
        super().__init__(ports)


class RegisterPort(wiring.Component):
    """Answer AXI4-Lite, one read and one write at a time, always with OKAY.

    Timing
    ------
    A write shows for one cycle once both its address and its data have come, in whatever order. A read
    shows for one cycle, in which `read_data` must hold what it finds.

    Resources
    ---------
    Registers for both addresses and the data (estimated).

    Parameters
    ----------
    address_bits : int

    Members
    -------
    bus : In(AxiLite(address_bits))
    write, read : Out(1)
    write_address, read_address : Out(address_bits - 2)
        Of a word of 32 bits.
    write_data : Out(32)
    write_strobe : Out(4)
        Which bytes are written.
    read_data : In(32)
    """

    def __init__(self, address_bits: int) -> None:
        super().__init__(
            {
                "bus": In(AxiLite(address_bits)),
                "write": Out(1),
                "write_address": Out(address_bits - 2),
                "write_data": Out(WORD_BITS),
                "write_strobe": Out(WORD_BITS // 8),
                "read": Out(1),
                "read_address": Out(address_bits - 2),
                "read_data": In(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        addressed, filled, asked = Signal(), Signal(), Signal()
        m.d.comb += [
            bus.awready.eq(~addressed),
            bus.wready.eq(~filled),
            self.write.eq(addressed & filled & ~bus.bvalid),
            bus.arready.eq(~asked),
            self.read.eq(asked & ~bus.rvalid),
        ]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [addressed.eq(1), self.write_address.eq(bus.awaddr[2:])]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [filled.eq(1), self.write_data.eq(bus.wdata), self.write_strobe.eq(bus.wstrb)]
        with m.If(self.write):
            m.d.sync += [addressed.eq(0), filled.eq(0), bus.bvalid.eq(1)]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [asked.eq(1), self.read_address.eq(bus.araddr[2:])]
        with m.If(self.read):
            m.d.sync += [asked.eq(0), bus.rvalid.eq(1), bus.rdata.eq(self.read_data)]
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        return m
