"""The ports of an AXI4 master that reads and writes whole words, in bursts of ascending addresses."""

from amaranth.hdl import Const, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiRead", "AxiWrite", "drive_constants"]

INCREMENTING = 1
MODIFIABLE_BUFFERABLE = 3
PRIVILEGED_DATA = 0


def _address(letter: str, address_bits: int) -> dict[str, wiring.Member]:
    widths = {"id": 1, "addr": address_bits, "len": 8, "size": 3, "burst": 2, "cache": 4, "prot": 3}
    ports = {f"a{letter}{name}": Out(width) for name, width in widths.items()}
    return ports | {f"a{letter}valid": Out(1), f"a{letter}ready": In(1)}


class AxiRead(wiring.Signature):
    """The two channels of AXI4 that read, as the master sees them; members carry the standard's names.

    Parameters
    ----------
    word_bits : int
        Width of the data; a power of two from 8 to 1024.
    address_bits : int
    """

    def __init__(self, word_bits: int, address_bits: int = 64) -> None:
        self.word_bits = _checked(word_bits)
        answer = {"rid": In(1), "rdata": In(word_bits), "rresp": In(2), "rlast": In(1), "rvalid": In(1)}
        super().__init__(_address("r", address_bits) | answer | {"rready": Out(1)})


class AxiWrite(wiring.Signature):
    """The three channels of AXI4 that write, as the master sees them; members carry the standard's names.

    Parameters
    ----------
    word_bits : int
        Width of the data; a power of two from 8 to 1024.
    address_bits : int
    """

    def __init__(self, word_bits: int, address_bits: int = 64) -> None:
        self.word_bits = _checked(word_bits)
        words = {"wdata": Out(word_bits), "wstrb": Out(word_bits // 8), "wlast": Out(1), "wvalid": Out(1)}
        answer = {"bid": In(1), "bresp": In(2), "bvalid": In(1), "bready": Out(1)}
        super().__init__(_address("w", address_bits) | words | {"wready": In(1)} | answer)


def _checked(word_bits: int) -> int:
    if not 8 <= word_bits <= 1024 or word_bits & (word_bits - 1):
        raise ValueError(f"word_bits must be a power of two from 8 to 1024, not {word_bits!r}")
    return word_bits


def drive_constants(bus: wiring.PureInterface, letter: str, word_bits: int) -> list[Value]:
    """Return the assignments to what never changes in an address channel; `letter` is "r" or "w"."""
    values = {
        "id": 0,
        "size": (word_bits // 8).bit_length() - 1,
        "burst": INCREMENTING,
        "cache": MODIFIABLE_BUFFERABLE,
        "prot": PRIVILEGED_DATA,
    }
    return [getattr(bus, f"a{letter}{name}").eq(Const(value)) for name, value in values.items()]
