"""Fuzz the checkpoint loader, guided by its coverage: whatever a file holds, it is read or refused.

    python -m benchmarks.fuzz_loader [-max_total_time=60] [-seed=1] [CORPUS]

The options are libFuzzer's. A traceback, or more than 1,000 MB of memory, ends it; the input is kept.
"""

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["compiler.frontend"]):
    from compiler.frontend import examine

from benchmarks.forgery import WEIGHTS, archive, honest_file, linear_model, tensor

__all__ = ["try_file", "write_seeds"]

MEMORY_MB = 1000
DEFAULTS = (f"-rss_limit_mb={MEMORY_MB}", "-max_len=8192", "-timeout=20")
FILE, PICKLE = b"\0", b"\1"


def try_file(path: Path, content: bytes) -> None:
    """Examine one file: the first byte tells whether the rest is all of it, or its pickle alone."""
    kind, rest = content[:1], content[1:]
    path.write_bytes(archive(rest, WEIGHTS) if kind == PICKLE else rest)
    examination = examine(path)
    if examination.graph is None and not examination.problems:
        raise AssertionError("neither a graph nor a reason")


def write_seeds(folder: Path) -> None:
    """Write honest inputs to start from."""
    (folder / "file").write_bytes(FILE + honest_file())
    (folder / "pickle").write_bytes(PICKLE + linear_model(tensor((2, 2), (2, 1))))


def main() -> None:
    """Run the command; libFuzzer ends the process."""
    with tempfile.TemporaryDirectory(prefix="zeroskip-") as scratch:
        seeds, path = Path(scratch, "seeds"), Path(scratch, "model.pt")
        seeds.mkdir()
        write_seeds(seeds)
        folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
        options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
        for folder in folders:
            os.makedirs(folder, exist_ok=True)
        command = [sys.argv[0], *DEFAULTS, *options, *folders, str(seeds)]
        atheris.Setup(command, lambda content: try_file(path, content))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
