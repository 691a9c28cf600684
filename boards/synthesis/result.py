"""What a synthesis found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["LogicPath", "ModuleSynthesis", "Synthesis"]

DEPTH_KIND = "levels of lookup tables; a carry chain, or a multiplier without registers, is one level"


@dataclass(frozen=True)
class LogicPath:
    """The deepest logic between two registers.

    Parameters
    ----------
    levels : int
        Lookup tables in a row; a carry chain, or a multiplier without registers, is one level.
    start, end : str
        Registers or memories.
    cells : tuple of str
        Kinds of cells, or instances of stages, on the way.
    """

    levels: int
    start: str
    end: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class ModuleSynthesis:
    """A module of the design.

    Parameters
    ----------
    name : str
    instances : int
        How many the design has.
    resources : dict
        Of one instance, without the modules of other files in it; by resource as the board names them.
    path : LogicPath
        Within one instance.
    delay_ps : float
        ABC's estimate of the longest delay between registers within one submodule: cells as data sheets
        have them, each wire at one fixed delay; memories, multipliers and carries are boxes. Not placed.
    seconds : float
        Yosys' time.
    cached : bool
        Whether that time was spent earlier.
    """

    name: str
    instances: int
    resources: Mapping[str, float]
    path: LogicPath
    delay_ps: float
    seconds: float
    cached: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as `report.json` holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Synthesis:
    """A whole design.

    Parameters
    ----------
    tool, command : str
        Yosys with its version, and the command that maps to the family.
    modules : tuple of ModuleSynthesis
        The stages, and with `/` in their names the parts of the top module: `top/ingress`.
    resources : dict
        Of the whole design, every instance counted.
    path : LogicPath
        The deepest in the whole design, through as many stages as it takes.
    """

    tool: str
    command: str
    modules: tuple[ModuleSynthesis, ...]
    resources: Mapping[str, float]
    path: LogicPath

    def module(self, name: str) -> ModuleSynthesis:
        """Return a module by its name."""
        return next(module for module in self.modules if module.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {**asdict(self), "source": "synthesized", "depth_kind": DEPTH_KIND}
