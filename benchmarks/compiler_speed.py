"""What a build costs: seconds and peak memory, in a process of its own, as users start it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.results import Part
from benchmarks.speech_like import SHAPE, speech_like

__all__ = ["PARTS", "TEXT"]

ROOT = Path(__file__).parents[1]
KINDS = {
    "nonzero_weights": "counted", "cpu_seconds": "measured", "wall_seconds": "measured",
    "peak_memory_mb": "measured",
}  # fmt: skip
WIDTHS = (16, 32, 64, 128)
KEPT, ACTIVE = 0.05, 0.1
TEXT = """
`python -m compiler build` for the U250, the whole process, without simulation: the three trained networks,
and networks of the reference network's shape at several widths with 95 % of their weights zero.
"""


def measure_build(model: Path, folder: Path) -> dict[str, Any]:
    """Build a network for the U250."""
    command = [sys.executable, "-m", "compiler", "build", str(model), "--board", "u250", "-o", str(folder)]
    command += ["--input-shape", ",".join(map(str, SHAPE))]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    # Of this child alone, which `getrusage` does not tell.
    _, process.returncode, used = os.wait4(process.pid, 0)
    if process.returncode:
        raise RuntimeError(said.decode(errors="replace"))
    report = json.loads((folder / "report.json").read_text())
    return {
        "nonzero_weights": report["model"]["weights_nonzero"],
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "wall_seconds": round(time.monotonic() - started, 1),
        "peak_memory_mb": round(used.ru_maxrss / 1024),
    }


def _trained(network: str) -> Callable[[Path], dict[str, Any]]:
    return partial(measure_build, ROOT / "models" / "gsc" / f"{network}.pt")


def _made_up(width: int, folder: Path) -> dict[str, Any]:
    model = folder.with_name("model.pt")
    torch.save(speech_like(width, KEPT, ACTIVE), model)
    return measure_build(model, folder)


PARTS = [
    *(Part("build", name, _trained(name), KINDS) for name in ("dense", "sparse_dense", "sparse_sparse")),
    *(Part("build", f"{width}-channels", partial(_made_up, width), KINDS) for width in WIDTHS),
]
