"""Names that Yosys takes for bits of other names."""

from typing import Any

__all__ = ["rename_brackets"]


def rename_brackets(libyosys: Any, design: Any) -> None:
    """Rename wires such as `a[3]`, which ABC9's interface confuses with bit 3 of `a` and dies of."""
    for module in design.selected_modules():
        for wire in list(module.selected_wires()):
            name = wire.name.str()
            if "[" in name:
                module.rename(wire, libyosys.IdString(name.replace("[", "(").replace("]", ")")))
