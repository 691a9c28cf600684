"""How the loader refuses a file."""

from pathlib import Path

import pytest

from compiler.errors import UnsupportedModel
from compiler.frontend import load

__all__ = ["refusal"]


def refusal(tmp_path: Path, content: bytes) -> str:
    """Return how a file is refused. Anything but a clean refusal fails the test."""
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(UnsupportedModel) as caught:
        load(path)
    message = str(caught.value)
    assert message.isprintable() or "\n" in message
    return message
