"""Names as Yosys has them and as Verilog has them; some Yosys takes for bits of others."""

from typing import Any

__all__ = ["plain", "rename_brackets"]


def plain(name: Any) -> str:
    """Return an identifier of Yosys as it stands in the Verilog, and in commands."""
    return name.str().removeprefix("\\")


def rename_brackets(libyosys: Any, design: Any) -> None:
    """Rename wires such as `a[3]`, which ABC9's interface confuses with bit 3 of `a` and dies of."""
    for module in design.selected_modules():
        for wire in list(module.selected_wires()):
            name = wire.name.str()
            if "[" in name:
                module.rename(wire, libyosys.IdString(name.replace("[", "(").replace("]", ")")))
