"""What is installed here, in which version, and what each missing thing would enable."""

import importlib.metadata
import platform
import sys
from dataclasses import dataclass

from sim.toolchain import find_tools

__all__ = ["Finding", "examine_installation"]

OLDEST_PYTHON = (3, 11)

PACKAGES = (
    # name, what it enables, whether everything else works without it
    ("amaranth", "building hardware", False),
    ("pyosys", "Verilog output", False),
    ("numpy", "exact arithmetic", False),
    ("jinja2", "report.html", False),
    ("torch", "training with compiler.nn, and compiling live modules", True),
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: `version` is None where it is missing; `remedy` says how to get it."""

    name: str
    version: str | None
    enables: str
    remedy: str
    optional: bool

    @property
    def hinders(self) -> bool:
        """Whether its absence stops something that every user needs."""
        return self.version is None and not self.optional


def examine_installation() -> tuple[Finding, ...]:
    """Look for Python, for the packages and for the tools that simulation needs."""
    python = Finding(
        "python",
        platform.python_version() if sys.version_info >= OLDEST_PYTHON else None,
        "everything",
        "install Python {}.{} or newer".format(*OLDEST_PYTHON),
        optional=False,
    )
    packages = [
        Finding(name, _version(name), enables, f"pip install {name}", optional)
        for name, enables, optional in PACKAGES
    ]
    tools = [Finding(t.name, t.version, t.enables, t.remedy, t.optional) for t in find_tools()]
    return python, *packages, *tools


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
