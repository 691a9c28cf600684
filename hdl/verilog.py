"""Amaranth → Verilog, the same text for the same design."""

import re
import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring
from pyosys import libyosys

__all__ = ["rtlil_to_verilog", "to_verilog"]


def to_verilog(component: wiring.Component, name: str, platform: object = None) -> str:
    """Return a hierarchy as Verilog; its top module is called `name`."""
    return rtlil_to_verilog(rtlil.convert(component, name=name, platform=platform, emit_src=False))


def rtlil_to_verilog(text: str) -> str:
    """Return what Amaranth wrote for Yosys as Verilog."""
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "design.il"), Path(scratch, "design.v")
        source.write_text(text)
        design = libyosys.Design()
        for command in (
            f"read_rtlil {source}",
            # Its clean-up goes through cells in an order that depends on what was converted before.
            "proc -nomux -norom -noopt",
            "memory_collect",
            f"write_verilog -norename -noattr {target}",
        ):
            design.run_pass(f"tee -q {command}")
        return _renumber(target.read_text())


def _renumber(text: str) -> str:
    """Give names that Yosys made up the numbers 1, 2, …; its own go on from design to design.

    Its opening comment goes, too: it tells where Yosys was built.
    """
    text = text[text.index("module ") :]
    numbers: dict[str, int] = {}
    return re.sub(
        r"(\$auto\$[\w.:]+\$)(\d+)",
        lambda name: f"{name[1]}{numbers.setdefault(name[0], len(numbers) + 1)}",
        text,
    )
