"""Results by their content: the same Verilog, images and tool give the same answer."""

import hashlib
import importlib.metadata
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["content_key", "read", "write", "yosys_version"]

CODE = ("apart", "brackets", "cells", "depth", "job", "timing")
"""Modules here that a result depends on."""
IMAGE = re.compile(r'"(images/[\w.]+\.hex)"')


def yosys_version() -> str:
    """Return the version of the library that holds Yosys."""
    return importlib.metadata.version("pyosys")


def content_key(rtl: Path, module: str, facts: Mapping[str, Any]) -> str:
    """Return a hash of a module's Verilog, its memory images, `facts`, and the code that judges them."""
    text = (rtl / f"{module}.v").read_bytes()
    images = sorted(set(IMAGE.findall(text.decode(errors="replace"))))
    code = [Path(__file__).with_name(f"{name}.py") for name in CODE]
    contents = [text, *((rtl / name).read_bytes() for name in images), *(path.read_bytes() for path in code)]
    contents.append(json.dumps([yosys_version(), facts], sort_keys=True).encode())
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def _place(key: str) -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "zeroskip" / "synthesis" / f"{key}.json"


def read(key: str) -> dict[str, Any] | None:
    """Return what was kept under a key, if it is there and whole."""
    try:
        return json.loads(_place(key).read_text())
    except (OSError, ValueError):
        return None


def write(key: str, found: Mapping[str, Any]) -> None:
    """Keep a result, whole or not at all; a cache that cannot be written is none."""
    place = _place(key)
    partial = place.with_name(f".{key}.{os.getpid()}.partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(found))
        os.replace(partial, place)
    except OSError:
        partial.unlink(missing_ok=True)
