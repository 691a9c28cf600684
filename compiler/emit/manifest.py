"""`manifest.json`: what a build came from, what it promises, and the hashes that bind both."""

import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from compiler.emit.directory import file_hashes
from compiler.errors import Problem, ToolFailed
from hdl.accelerator import Accelerator
from hdl.conv.window import WindowFormat
from sim.contract import AxisPort, Contract, Prediction, StreamTap

__all__ = ["check_hashes", "contract_of", "sha256_of", "write_manifest"]

TOOLS = ("zeroskip", "amaranth", "numpy", "pyosys")


def contract_of(accelerator: Accelerator, predicted: Prediction) -> Contract:
    """Return what verification needs to know about an accelerator."""
    ingress, egress = accelerator.ingress, accelerator.egress
    design = accelerator.design
    if design.instances == 1:
        taps, choice = _taps(accelerator, "top.", "", 0), None
    else:
        numbers = range(design.instances)
        taps = tuple(
            tap for n in numbers for tap in _taps(accelerator, f"top.instance_{n}.box.", f"instance_{n}.", n)
        )
        choice = "top.distribute.chosen"
    source = AxisPort(
        shape=ingress.target.shape,
        form=ingress.target.form,
        lanes=ingress.target.lanes,
        container_bits=ingress.container_bits,
        data_bits=ingress.data_bits,
        columns=ingress.target.columns,
    )
    target = AxisPort(
        shape=egress.source.shape,
        form=egress.source.form,
        lanes=1,
        container_bits=egress.data_bits,
        data_bits=egress.data_bits,
    )
    watched = design.watched if design.watchdog else ()
    return Contract(source, target, taps, predicted, choice, watched)


def _taps(accelerator: Accelerator, place: str, prefix: str, instance: int) -> tuple[StreamTap, ...]:
    """Return the streams of one instance whose beats a format counts."""
    return tuple(
        StreamTap(
            name=prefix + stage.name,
            layer=stage.layer,
            valid=f"{place}{stage.name}.o__valid",
            ready=f"{place}{stage.name}.o__ready",
            payload=f"{place}{stage.name}.o__payload",
            bits=stage.target.payload.size,
            format=stage.target,
            instance=instance,
        )
        for stage in accelerator.stages
        if not isinstance(stage.target, WindowFormat)
    )


def write_manifest(directory: Path, contract: Contract, facts: dict[str, Any]) -> None:
    """Write the manifest of a directory that is otherwise complete.

    `facts` are what the caller knows: model, board, options, command.
    """
    versions = {}
    for tool in TOOLS:
        try:
            versions[tool] = importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            versions[tool] = None
    manifest = {
        "format": 1,
        **facts,
        "versions": versions,
        **contract.to_json(),
        "files": file_hashes(directory),
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def check_hashes(directory: Path, manifest: dict[str, Any]) -> None:
    """Refuse a build directory whose files are not those that the manifest vouches for.

    Raises
    ------
    ToolFailed
        Naming every file that is missing, new or changed.
    """
    promised, found = manifest.get("files", {}), file_hashes(directory)
    wrong = sorted(name for name in promised.keys() | found.keys() if promised.get(name) != found.get(name))
    if wrong:
        listed = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise ToolFailed(Problem(str(directory), f"was changed after the build: {listed}", "build it again"))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
