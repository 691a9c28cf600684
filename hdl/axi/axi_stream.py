"""The ports of an AXI4-Stream."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiStream"]


class AxiStream(wiring.Signature):
    """AXI4-Stream as its transmitter sees it; `tlast` is high with the last transfer of a frame.

    The members carry the standard's names, so that a port can be emitted as `s_axis_tdata`,
    `s_axis_tvalid`, and so on.

    Parameters
    ----------
    bits : int
        Width of `tdata`; a multiple of 8.
    """

    def __init__(self, bits: int) -> None:
        if bits < 8 or bits % 8:
            raise ValueError(f"tdata must have a positive multiple of 8 bits, not {bits!r}")
        super().__init__({"tdata": Out(bits), "tvalid": Out(1), "tready": In(1), "tlast": Out(1)})
