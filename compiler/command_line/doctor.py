"""What is installed here, in which version, and what each missing thing would enable."""

import importlib.metadata
import platform
import sys
from dataclasses import dataclass

from sim.toolchain import find_tools

__all__ = ["Finding", "examine_installation"]

OLDEST_PYTHON = (3, 11)

PACKAGES = (
    # name, and what it is for
    ("amaranth", "building hardware"),
    ("pyosys", "Verilog output"),
    ("numpy", "exact arithmetic"),
    ("jinja2", "report.html"),
    ("torch", "live modules, training, and the quantized module that hardware must equal"),
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: `version` is None where it is missing; `remedy` says how to get it."""

    name: str
    version: str | None
    enables: str
    remedy: str


def examine_installation() -> tuple[Finding, ...]:
    """Look for Python, for the packages and for the tools that simulation needs."""
    python = Finding(
        "python",
        platform.python_version() if sys.version_info >= OLDEST_PYTHON else None,
        "everything",
        "install Python {}.{} or newer".format(*OLDEST_PYTHON),
    )
    packages = [Finding(name, _version(name), use, f"pip install {name}") for name, use in PACKAGES]
    tools = [Finding(tool.name, tool.version, tool.enables, tool.remedy) for tool in find_tools()]
    return python, *packages, *tools


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
