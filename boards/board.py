"""What the compiler and the report need to know about a board."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from boards.flows import Flow

__all__ = ["CLOCK_SOURCES", "Board"]

CLOCK_SOURCES = ("assumed", "placed and routed")
"""Where a clock figure may come from; it is printed beside every throughput."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """Facts about one device and the board that carries it.

    Parameters
    ----------
    name : str
        What `--board` takes: lower case, no spaces.
    title : str
        What people call it.
    part : str
        Full part number, as vendor tools take it.
    family : str
        What people call the device family.
    synthesis : str
        Yosys command that maps to this family.
    lut_inputs : int
        Inputs of one lookup table, so that counts of unlike families are not compared.
    lut, ff, dsp, block_ram, uram : int
        How many the device has.
    block_ram_kbit : int
        Size of one block RAM.
    clock_mhz : float
        Clock at which throughput is stated.
    clock_source : str
        One of `CLOCK_SOURCES`.
    host_interface : str
        How frames get to the design and logits come back.
    budget_fraction : float
        Share of each resource that a design may use; the rest is left to routing and the shell.
    lut_fraction : float, optional
        The same of lookup tables alone, where they are what routing and the shell leave least of.
    flow : Flow, optional
        How a bitstream is made for it.
    """

    name: str
    title: str
    part: str
    family: str
    synthesis: str
    lut_inputs: int
    lut: int
    ff: int
    dsp: int
    block_ram: int
    block_ram_kbit: int
    uram: int
    clock_mhz: float
    clock_source: str
    host_interface: str
    budget_fraction: float = 0.75
    lut_fraction: float | None = None
    flow: Flow | None = None

    def __post_init__(self) -> None:
        if self.name != self.name.lower() or not self.name or " " in self.name:
            raise ValueError(f"name must be lower case without spaces, not {self.name!r}")
        if self.clock_source not in CLOCK_SOURCES:
            raise ValueError(f"clock_source must be one of {CLOCK_SOURCES}, not {self.clock_source!r}")
        if not self.clock_mhz > 0:
            raise ValueError(f"clock_mhz must be positive, not {self.clock_mhz!r}")
        for name in ("budget_fraction", "lut_fraction"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, not {share!r}")
        for resource, count in self.resources.items():
            if count < 0:
                raise ValueError(f"{resource} must be at least 0, not {count!r}")

    @property
    def resources(self) -> Mapping[str, int]:
        """What the device has, by resource; block RAMs are named by their size, as `bram36`."""
        return MappingProxyType(
            {
                "lut": self.lut,
                "ff": self.ff,
                "dsp": self.dsp,
                f"bram{self.block_ram_kbit}": self.block_ram,
                "uram": self.uram,
            }
        )

    @property
    def budget(self) -> Mapping[str, int]:
        """What a design may use of each resource."""
        shares = {"lut": self.lut_fraction or self.budget_fraction}
        return MappingProxyType(
            {r: int(count * shares.get(r, self.budget_fraction)) for r, count in self.resources.items()}
        )
