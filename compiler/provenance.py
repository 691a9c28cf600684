"""Where a build came from."""

import hashlib
from pathlib import Path
from typing import Any

__all__ = ["describe_source"]


def describe_source(model: object) -> dict[str, Any]:
    """Return a model's file name and hash, or the class of a live module."""
    if isinstance(model, str | Path):
        return {"file": Path(model).name, "sha256": hashlib.sha256(Path(model).read_bytes()).hexdigest()}
    return {"module": type(model).__name__}
