"""What the flows of vendor tools have in common: a project beside the design, and a Makefile that runs it."""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from boards.flows.flow import FlowError, Implementation, Job
from boards.flows.process import run_program

__all__ = ["copy_parts", "run_project", "write_facts"]

PROJECTS = Path(__file__).parents[1] / "projects"
HOST = Path(__file__).parents[1] / "host"
RESOURCES = ("lut", "ff", "dsp", "bram36", "uram")


def copy_parts(folder: Path, kind: str, *programs: str) -> None:
    """Copy the scripts of one kind of project, and host programs with what they import, beside each other."""
    folder.mkdir(exist_ok=True)
    for source in (*PROJECTS.glob("*.*"), *(PROJECTS / kind).iterdir()):
        shutil.copyfile(source, folder / source.name)
    for name in (*programs, "card_frames.py"):
        # There the two are neighbors, and this package is not installed.
        text = (HOST / name).read_text().replace("from boards.host.", "from ")
        (folder / name).write_text(text)


def write_facts(folder: Path, settings: Mapping[str, object], card: Mapping[str, object]) -> None:
    """Write what the scripts and the host program read."""
    lines = "".join(f"set {name} {{{value}}}\n" for name, value in settings.items())
    (folder / "design.tcl").write_text(lines)
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")


def run_project(
    job: Job, name: str, tools: tuple[str, ...], product: str, write: Callable[[], Path]
) -> Implementation:
    """Write the project, and run its Makefile where the tools are there.

    Raises
    ------
    FlowError
        Where a tool is missing: `next` is what to do where it is not.
    """
    job.progress("write the project")
    folder = write()
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        what = f"not on the PATH; {folder} is generated, simulated, not placed and routed"
        there = f"make -C {job.directory.resolve().name}/{name}"
        where = f"copy {job.directory} to a machine that has what is missing, and run there: {there}"
        raise FlowError(" and ".join(missing), what, where)
    job.progress(f"make {product}")
    begin = time.monotonic()
    run_program("make", ["make", product], folder)
    return _implementation(job, folder, f"{name}/{product}", time.monotonic() - begin)


def _implementation(job: Job, folder: Path, bitstream: str, seconds: float) -> Implementation:
    path = folder / "result.json"
    try:
        result = json.loads(path.read_text())
        period, slack = float(result["period_ns"]), float(result["slack_ns"])
        used = {resource: int(result[resource]) for resource in RESOURCES}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FlowError(str(path), f"cannot be read: {error}", "see the logs beside it") from error
    available = job.board.resources
    reached = 1000 / (period - slack)
    return Implementation(
        bitstream=bitstream,
        clock_mhz=min(1000 / period, reached),
        reached_mhz=reached,
        wanted_mhz=job.clock_mhz,
        resources={resource: (count, available[resource]) for resource, count in used.items()},
        tools={"vivado": str(result.get("tool", "unknown"))},
        seconds=seconds,
    )
