"""Put a report into a build directory."""

import json
import os
from pathlib import Path

from compiler.report.render import render
from compiler.report.summary import Json

__all__ = ["write_report"]


def write_report(directory: Path, report: Json) -> None:
    """Write `report.json` and `report.html`, each whole or not at all."""
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    page = render(report)
    _write(directory / "report.json", text + "\n")
    _write(directory / "report.html", page)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
