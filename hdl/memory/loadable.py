"""A memory that is read like a read-only one, and can be loaded anew."""

from collections.abc import Iterable

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.memory.loading import Chain, Contents, Loader, join_chain
from hdl.numerics import bits_for_range

__all__ = ["Loadable", "add_loadables"]


class Loadable(wiring.Component):
    """Look a word up; take all words anew off a chain.

    Where the platform has a method `loadable(component, loader)`, that one says how the memory is made (the
    emitter writes its contents to a file); otherwise it is an ordinary Amaranth memory.

    Timing
    ------
    Latency 1 cycle if `contents.registered`, throughput 1 word per cycle; then, while `enable` is low, `data`
    keeps its value. While it is loaded `data` is undefined.

    Parameters
    ----------
    contents : Contents
        What it holds until it is loaded.

    Members
    -------
    enable : In(1)
    address : In(range(words))
    data : Out(bits)
    load : In(Chain()), loaded : Out(Chain())
    """

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        super().__init__(
            {
                "enable": In(1), "address": In(bits_for_range(len(contents.words))),
                "data": Out(contents.bits), "load": In(Chain()), "loaded": Out(Chain()),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        contents = self.contents
        m.submodules.loader = loader = Loader(contents.bits, len(contents.words))
        join_chain(m, self.load, loader.i)
        join_chain(m, loader.o, self.loaded)
        if hasattr(platform, "loadable"):
            m.submodules.storage = platform.loadable(self, loader)
            return m
        # A power of two keeps addresses past the end defined.
        depth = 1 << len(self.address)
        m.submodules.storage = stored = memory.Memory(shape=contents.bits, depth=depth, init=contents.words)
        write = stored.write_port()
        port = stored.read_port(domain="sync" if contents.registered else "comb")
        m.d.comb += [
            write.en.eq(loader.enable), write.addr.eq(loader.address), write.data.eq(loader.data),
            port.addr.eq(self.address), self.data.eq(port.data),
        ]  # fmt: skip
        if contents.registered:
            m.d.comb += port.en.eq(self.enable)
        return m


def add_loadables(m: Module, contents: Iterable[Contents]) -> dict[str, Loadable]:
    """Add a memory for each of some contents; return them by name."""
    found = {memory.name: Loadable(memory) for memory in contents}
    for name, part in found.items():
        m.submodules[name] = part
    return found
