"""Map a few modules at a time.

For each module that ABC9 maps, Yosys rewrites all the others, too: with dozens of them it did little else.
What comes out is the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from boards.synthesis.brackets import plain

__all__ = ["CELLS_AT_ONCE", "map_apart"]

CELLS_AT_ONCE = 1_000
"""Cells of the modules that are mapped together, unless one alone has more; to begin anew takes a second."""


def map_apart(design: Any, run: Callable[[str], None], command: str, scratch: Path) -> None:
    """Run a command on all modules of a design, `CELLS_AT_ONCE` or one module at a time.

    Parameters
    ----------
    design : pyosys Design
    run : callable
        Runs a command of Yosys on it.
    command : str
        Must change no module by what is in another.
    scratch : Path
        A folder for what is mapped.
    """
    modules = {plain(module.name): module for module in design.selected_modules()}
    groups = _groups({name: len(module.cells_) for name, module in modules.items()})
    if len(groups) == 1:
        run(command)
        return
    held = {name: {plain(cell.type) for cell in module.cells_.values()} for name, module in modules.items()}
    run("design -save whole")
    run(f"blackbox {' '.join(held)}")
    run("design -save boxes")
    run(f"delete {' '.join(held)}")
    run("design -save libraries")
    mapped = [scratch / f"{number}.il" for number in range(len(groups))]
    for names, file in zip(groups, mapped, strict=True):
        run("design -load libraries")
        around = set().union(*(held[name] for name in names)) & held.keys() - set(names)
        for source, copied in (("boxes", sorted(around)), ("whole", names)):
            for name in copied:
                run(f"design -copy-from {source} -as {name} {name}")
        run(command)
        run(f"select {' '.join(names)}")
        run(f"write_rtlil -selected {file}")
        run("select -clear")
    run("design -load libraries")
    for file in mapped:
        run(f"read_rtlil {file}")


def _groups(sizes: dict[str, int]) -> list[list[str]]:
    groups: list[list[str]] = []
    filled = 0
    for name, size in sizes.items():
        if not groups or filled + size > CELLS_AT_ONCE:
            groups.append([])
            filled = 0
        groups[-1].append(name)
        filled += size
    return groups
