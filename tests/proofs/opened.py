"""Look inside a component, so that a proof by induction can say what its registers and memories hold."""

import sys
from types import FrameType

from amaranth.hdl import Elaboratable, Module, Signal, Value
from amaranth.lib import fifo
from amaranth.lib.memory import Memory

__all__ = ["Opened"]


class Opened(Elaboratable):
    """A component and everything below it, elaborated, with the names that its source gives to its parts.

    An inner part is named by its path: `queue.fifo` is submodule `fifo` of submodule `queue`. Add this
    object to a design in place of the component.

    Parameters
    ----------
    component : Elaboratable
    """

    def __init__(self, component: Elaboratable) -> None:
        self.component = component
        self.parts: dict[str, Elaboratable] = {}
        self._modules: dict[str, Module] = {}
        self._names: dict[str, dict[str, list]] = {}
        self._top = self._open("", component)

    def elaborate(self, platform: object) -> Module:
        return self._top

    def value(self, name: str, path: str = "") -> Value:
        """Return what the source of a part calls by this name, in `elaborate` or a method that it calls."""
        return self._names[path][name][-1]

    def values(self, name: str, path: str = "") -> list[Value]:
        """Return what bears this name in each call of a method, in the order of the calls' ends."""
        return self._names[path][name]

    def driven(self, name: str, path: str = "") -> list[Signal]:
        """Return the signals of this name that a part drives, in the order of their first assignments."""
        return [signal for signal in self._modules[path]._driving if signal.name == name]

    def rows(self, path: str) -> list[Value]:
        """Return what a memory holds, row by row."""
        memory = self.parts[path]
        ports = [memory.read_port(domain="comb") for _ in range(memory.depth)]
        module = self._modules[path.rpartition(".")[0]]
        module.d.comb += [port.addr.eq(row) for row, port in enumerate(ports)]
        return [Value.cast(port.data) for port in ports]

    @property
    def fifos(self) -> list[str]:
        """The paths of all first-in first-out buffers."""
        return [path for path, part in self.parts.items() if isinstance(part, fifo.SyncFIFO)]

    def _open(self, path: str, part: Elaboratable) -> Elaboratable:
        """Elaborate a part and what it is made of; memories stay, for ports may still be added to them."""
        self.parts[path] = part
        if isinstance(part, Memory):
            return part
        part._MustUse__used = True
        module, self._names[path] = _elaborate(part)
        self._modules[path] = module
        for name, (inner, where) in module._named_submodules.items():
            inner_path = f"{path}.{name}" if path else name
            module._named_submodules[name] = (self._open(inner_path, inner), where)
        return module


def _elaborate(part: Elaboratable) -> tuple[Module, dict[str, list]]:
    """Elaborate one part, and note the local names of its methods."""
    names: dict[str, list] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_locals.get("self") is part:
            for name, value in frame.f_locals.items():
                names.setdefault(name, []).append(value)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        return part.elaborate(None), names
    finally:
        sys.setprofile(before)
