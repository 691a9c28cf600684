"""From a build directory to what its board loads."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boards
from boards.flows import FlowError, Implementation, Job
from compiler.emit import check_hashes
from compiler.errors import Problem, ToolFailed
from compiler.report.implementation import add_implementation
from compiler.report.write import write_report
from sim.errors import SimulationError

__all__ = ["make_bitstream"]


def make_bitstream(
    directory: Path, manifest: Mapping[str, Any], *, clock_mhz: float | None = None,
    seed: int = 1, tries: int = 1, progress: Callable[[str], None] | None = None,
) -> Implementation:  # fmt: skip
    """Let the board's flow make a bitstream, and write what it reached into the report.

    Parameters
    ----------
    directory, manifest
        Of a build.
    clock_mhz : float, optional
        Clock to aim for; the board's unless given. The design gets the fastest one that its paths allow.
    seed, tries : int
        Of nextpnr's first placement, and how many it may route until one reaches that clock; else the fastest
        is taken.
    progress : called with the name of each step as it begins, optional

    Raises
    ------
    ToolFailed
        If the directory was changed after the build, its board has no flow, or a tool is missing or fails;
        where the tool runs elsewhere, `next` is the command.
    """
    check_hashes(directory, manifest)
    try:
        board = boards.find(manifest["board"])
        if board.flow is None:
            known = ", ".join(other.name for other in boards.all_boards() if other.flow)
            raise FlowError(board.name, "is a bare part without pins or flow", f"build for one of {known}")
        job = Job(
            directory=directory,
            manifest=manifest,
            board=board,
            clock_mhz=clock_mhz or board.clock_mhz,
            progress=progress or (lambda step: None),
            seed=seed,
            tries=tries,
        )
        found = board.flow.run(job)
    except (FlowError, SimulationError, boards.UnknownBoard) as error:
        raise ToolFailed(Problem(error.where, error.what, error.next)) from error
    report = json.loads((directory / "report.json").read_text())
    write_report(directory, add_implementation(report, found))
    return found
