"""What every flow takes and gives."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from boards.board import Board

__all__ = ["Flow", "FlowError", "Implementation", "Job", "build_number", "weights_bytes"]


class FlowError(Exception):
    """A tool is missing or failed, or a design does not suit a board: `where`, `what`, and what `next`."""

    def __init__(self, where: str, what: str, next: str = "") -> None:
        super().__init__(f"{where}: {what}" + (f"; {next}" if next else ""))
        self.where, self.what, self.next = where, what, next


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be put on a board.

    Parameters
    ----------
    directory : Path
        A build directory whose hashes were checked.
    manifest : dict
        What its `manifest.json` says.
    board : Board
        What it was built for.
    clock_mhz : float
        Clock to aim for.
    progress : called with the name of each step as it begins
    seed, tries : int
        Of the first placement, and how many are routed; the fastest is kept. For nextpnr only.
    """

    directory: Path
    manifest: Mapping[str, Any]
    board: "Board"
    clock_mhz: float
    progress: Callable[[str], None]
    seed: int = 1
    tries: int = 1


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """What a flow made.

    Parameters
    ----------
    bitstream : str
        What the board loads; its path in the build directory.
    clock_mhz : float
        Clock at which the accelerator runs in it: no higher than what routing allows.
    reached_mhz : float
        Highest clock that the slowest path allows, placed and routed.
    wanted_mhz : float
        Clock that was aimed for.
    resources : dict
        By resource `(used, available)`.
    tools : dict
        Versions of the programs, by name.
    seconds : float
        Time that making it took.
    seed : int, optional
        Of the placement, where a tool takes one.
    """

    bitstream: str
    clock_mhz: float
    reached_mhz: float
    wanted_mhz: float
    resources: Mapping[str, tuple[int, int]]
    tools: Mapping[str, str]
    seconds: float
    seed: int | None = None


class Flow(Protocol):
    """A way from a build directory to a bitstream: a frozen dataclass; its fields are a board's own facts.

    It keeps everything that it writes in a folder of the build directory that is called like itself.
    """

    @property
    def name(self) -> str:
        """What people call the flow, and its folder."""

    def run(self, job: Job) -> Implementation:
        """Make the bitstream.

        Raises
        ------
        FlowError
            Where the tool is not installed, `next` is the exact command, and where to run it.
        """


def build_number(directory: Path) -> int:
    """Return 32 bits that name what a build puts on a chip; a board that answers with others holds another.

    The same design with the same vectors has the same number, whenever and by whatever command it was built.
    """
    files = json.loads((directory / "manifest.json").read_text())["files"]
    held = sorted((name, files[name]) for name in files if name.startswith(("rtl/", "vectors.npz")))
    digest = hashlib.sha256(json.dumps(held).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def weights_bytes(manifest: Mapping[str, Any]) -> int:
    """Return the bytes of the memories that can be loaded."""
    return (manifest.get("weights") or {"bytes": 0})["bytes"]
