"""What loads the weights of a design while it runs."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compiler.emit.verilog import image_name, image_text
from hdl.memory.loading import Contents, to_bytes

__all__ = ["write_images", "write_weights"]

Loads = Mapping[str, Sequence[Contents]]
"""By stage, in the order of the chain."""


def write_weights(directory: Path, contents: Loads) -> dict[str, Any] | None:
    """Write `weights.bin`, the bytes of all memories and their CRC-32; return what a manifest tells of it.

    None if there is nothing to load.
    """
    if not contents:
        return None
    data = b"".join(to_bytes(memories) for memories in contents.values())
    checksum = zlib.crc32(data)
    (directory / "weights.bin").write_bytes(data + checksum.to_bytes(4, "little"))
    return {"bytes": len(data), "crc32": checksum, "stages": list(contents)}


def write_images(directory: Path, contents: Loads) -> None:
    """Write what the memories of the Verilog in `directory` hold at first."""
    for stage, memories in contents.items():
        for memory in memories:
            text = image_text(memory.words, memory.bits)
            (directory / "rtl" / "images" / f"{image_name(stage, memory)}.hex").write_text(text)
