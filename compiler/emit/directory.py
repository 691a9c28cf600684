"""A build directory that appears whole or not at all."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler.errors import Problem, ToolFailed

__all__ = ["HASHED", "file_hashes", "write_whole"]

HASHED = ("graph", "rtl", "integer_graph.npz", "schedule.json", "vectors.npz", "weights.bin")
"""What a manifest vouches for: everything that a verdict rests on."""


@contextmanager
def write_whole(target: Path) -> Iterator[Path]:
    """Give a scratch directory beside `target` to fill; rename it to `target` once it is complete.

    An earlier build directory in the way is replaced; anything else is left alone. Whatever
    interrupts, `target` is what it was, and the scratch directory is gone.

    Raises
    ------
    ToolFailed
        If something else than a build directory is in the way, or the place cannot be written.
    """
    if target.exists() and not (target / "manifest.json").is_file():
        empty = target.is_dir() and not any(target.iterdir())
        if not empty:
            raise ToolFailed(
                Problem(str(target), "is in the way and is no build directory", "choose another with -o")
            )
    scratch = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir()
    except OSError as error:
        raise ToolFailed(
            Problem(str(target), f"cannot be written: {error.strerror}", "choose another with -o")
        ) from error
    try:
        yield scratch
        replaced = target.with_name(f".{target.name}.{os.getpid()}.replaced")
        if target.exists():
            target.rename(replaced)
        scratch.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def file_hashes(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that a manifest vouches for, by its path in the directory."""
    files = sorted(
        path
        for name in HASHED
        for path in ([directory / name] if (directory / name).is_file() else (directory / name).rglob("*"))
        if path.is_file()
    )
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
