"""Components that turn an AXI4-Stream into a stream for the bench to drive; the payload is tdata, tlast."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.axi.egress import Egress, EgressConfig
from hdl.axi.ingress import Ingress, IngressConfig


def transfer(bits: int) -> data.StructLayout:
    """Return the layout of one transfer."""
    return data.StructLayout({"tdata": bits, "tlast": 1})


class Transmitter(wiring.Component):
    """An ingress and what sends to it."""

    def __init__(self, config: IngressConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(transfer(config.data_bits))),
                "o": Out(stream.Signature(config.target.payload)),
                "frame_error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ingress = ingress = Ingress(self.config)
        connect(m, ingress.o, flipped(self.o))
        m.d.comb += [
            ingress.i.tdata.eq(self.i.payload.tdata),
            ingress.i.tlast.eq(self.i.payload.tlast),
            ingress.i.tvalid.eq(self.i.valid),
            self.i.ready.eq(ingress.i.tready),
            self.frame_error.eq(ingress.frame_error),
        ]
        return m


class Receiver(wiring.Component):
    """An egress and what receives from it."""

    def __init__(self, config: EgressConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.source.payload)),
                "o": Out(stream.Signature(transfer(config.data_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.egress = egress = Egress(self.config)
        connect(m, flipped(self.i), egress.i)
        m.d.comb += [
            self.o.payload.tdata.eq(egress.o.tdata),
            self.o.payload.tlast.eq(egress.o.tlast),
            self.o.valid.eq(egress.o.tvalid),
            egress.o.tready.eq(self.o.ready),
        ]
        return m
