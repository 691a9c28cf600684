"""What a build costs: seconds and peak memory, in a process of its own, as users start it."""

import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.results import Part

__all__ = ["PARTS"]

ROOT = Path(__file__).parents[1]
KINDS = {"cpu_seconds": "measured", "wall_seconds": "measured", "peak_memory_mb": "measured"}


def measure_build(network: str, folder: Path) -> dict[str, float]:
    """Build a network for the U250."""
    command = [sys.executable, "-m", "compiler", "build", f"models/gsc/{network}.pt", "--board", "u250"]
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, "-o", str(folder)], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "wall_seconds": round(time.monotonic() - started, 1),
        # Of the largest child so far, which is this one unless a part before it was larger.
        "peak_memory_mb": round(after.ru_maxrss / 1024),
    }


PARTS = [
    Part(f"build-{network}", partial(measure_build, network), KINDS)
    for network in ("dense", "sparse_dense", "sparse_sparse")
]
