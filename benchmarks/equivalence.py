"""Whether a mutant can be told from the original at all: induction by ABC's property-directed reachability.

Two copies of a part of the design get the same inputs, whatever these are, resets at any time included. Where
no valid output and no ready can ever differ, neither can anything around the part: the mutant is equivalent.
The part is the mutated module, then its stage, then that between more of its neighbors; what joins stages is
looked at in the whole.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pyosys
from pyosys import libyosys

from benchmarks.mutants import BITS, SELECT, Mutant, run_passes

__all__ = ["parts_around", "proved_equivalent"]

ABC = Path(pyosys.__file__).with_name("yosys-abc")
CLEAN = "opt -full", "memory_map", "opt -full", "techmap", "opt", "setundef -zero", "dffunmap", "aigmap"
PROVE = (
    "read_aiger miter.aig; strash; scleanup; scorr; dc2; scorr -F 3; dc2; print_stats; "
    "bmc3 -F 4; pdr -T {seconds}"
)

NEIGHBORS = (1, 1), (1, 3)
"""Stages before and behind the mutated one."""

WHOLE = "original"


def parts_around(module: str, stages: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the parts to try for a mutated module: chains of modules, the smallest first."""
    parts = [(module,)] if module != WHOLE else []
    names = [f"top.{stage}" for stage in stages]
    stage = next(
        (name for name in sorted(names, key=len, reverse=True)
         if _belongs(module, name) or _belongs(module, name.removeprefix("top."))),
        None,
    )  # fmt: skip
    if stage is not None:
        at = names.index(stage)
        # What comes before keeps a stage from some of its states; what comes after ignores some of its bits.
        parts.append((stage,))
        parts += [tuple(names[max(0, at - before) : at + behind + 1]) for before, behind in NEIGHBORS]
    return list(dict.fromkeys(parts or [(WHOLE,)]))


def _belongs(module: str, stage: str) -> bool:
    return re.fullmatch(rf"{re.escape(stage)}([._](?:\w*?\d+)?.*)?", module) is not None


def proved_equivalent(design: Path, part: Sequence[str], mutant: Mutant, folder: Path, seconds: int) -> bool:
    """Say whether a mutant is proved equivalent within a part of the design.

    Parameters
    ----------
    design : Path
        `mutated.il` of `benchmarks.mutants.mutate`.
    part : sequence of str
        Modules; each but the first takes its input stream `i` from the one before.
    mutant : Mutant
    folder : Path
        For scratch files.
    seconds : int
        For the induction; five times that for all. Afterwards the answer is no.
    """
    _write_miter(design, part, mutant.number, folder)
    script = PROVE.format(seconds=seconds)
    try:
        result = subprocess.run(
            [str(ABC), "-c", script], cwd=folder, capture_output=True, text=True, timeout=5 * seconds
        )
    except subprocess.TimeoutExpired:
        return False
    if "was asserted" in result.stdout:
        return False
    nothing_left = re.search(r"lat =\s+0 .*and =\s+0 ", result.stdout)
    return "Property proved" in result.stdout or nothing_left is not None


def _write_miter(source: Path, part: Sequence[str], number: int, folder: Path) -> None:
    """Write `miter.aig`: two copies of a part, and one output that is high when they differ."""
    design = libyosys.Design()
    run_passes(design, f"read_rtlil {source}")
    if len(part) > 1:
        (folder / "chain.v").write_text(_chain(design, part))
        run_passes(design, f"read_verilog {folder / 'chain.v'}")
    top = part[0] if len(part) == 1 else "chain"
    run_passes(design, f"hierarchy -top {top}", "flatten", "opt_clean")
    ports = _ports(design, top)
    for name, value in (("gold", 0), ("gate", number)):
        run_passes(design, f"copy {top} {name}", f"delete -port {name}/{SELECT}")
        run_passes(design, f"cd {name}", f"connect -set {SELECT} {BITS}'d{value}", "cd ..")
    (folder / "miter.v").write_text(_miter(ports))
    run_passes(design, f"delete {top}", f"read_verilog {folder / 'miter.v'}", "hierarchy -top miter")
    run_passes(design, "proc", "flatten", *CLEAN, "opt_clean", f"write_aiger -zinit {folder / 'miter.aig'}")


def _ports(design: libyosys.Design, name: str) -> list[tuple[str, int, bool]]:
    """Return name, width and whether it is an input, of each port but the one that selects the mutant."""
    module = next(module for key, module in design.modules_.items() if str(key) == f"\\{name}")
    wires = [wire for wire in module.wires_.values() if wire.port_input or wire.port_output]
    ports = [(str(wire.name)[1:], wire.width, bool(wire.port_input)) for wire in wires]
    return [port for port in ports if port[0] != SELECT]


def _miter(ports: list[tuple[str, int, bool]]) -> str:
    inputs = [(name, width) for name, width, is_input in ports if is_input]
    outputs = [(name, width) for name, width, is_input in ports if not is_input]
    heads = [f"input [{width - 1}:0] \\{name} " for name, width in inputs]
    lines = [f"module miter({', '.join([*heads, 'output differ'])});"]
    for side in ("gold", "gate"):
        lines += [f"wire [{width - 1}:0] \\{side}_{name} ;" for name, width in outputs]
        pins = [f".\\{name} (\\{name} )" for name, _ in inputs]
        pins += [f".\\{name} (\\{side}_{name} )" for name, _ in outputs]
        lines.append(f"{side} the_{side}({', '.join(pins)});")
    terms, names = [], {name for name, _ in outputs}
    for name in sorted(names):
        differs = f"\\gold_{name} != \\gate_{name} "
        # What a stream carries counts only while it is valid.
        valid = re.sub(r"tdata$|tlast$", "tvalid", re.sub(r"payload$", "valid", name))
        counts = valid != name and valid in names
        terms.append(f"(\\gold_{valid} & ({differs}))" if counts else f"({differs})")
    return "\n".join([*lines, f"assign differ = {' | '.join(terms)};", "endmodule", ""])


def _chain(design: libyosys.Design, part: Sequence[str]) -> str:
    """Return a module that joins stages by their streams, from the first's `i` to the last's `o`."""
    lines, heads = [], ["input clk", "input rst", f"input [{BITS - 1}:0] {SELECT}"]
    for number, name in enumerate(part):
        pins = [".clk(clk)", ".rst(rst)", f".{SELECT}({SELECT})"] if _selects(design, name) else [
            ".clk(clk)", ".rst(rst)"
        ]  # fmt: skip
        for port, width, is_input in _ports(design, name):
            if port in ("clk", "rst"):
                continue
            link = _link(port, number)
            if "__" not in port or (port[0] == "i" and number == 0) or (
                port[0] == "o" and number == len(part) - 1
            ):
                heads.append(f"{'input' if is_input else 'output'} [{width - 1}:0] {link}")
            elif port[0] == "o":
                lines.insert(0, f"wire [{width - 1}:0] {link};")
            pins.append(f".{port}({link})")
        lines.append(f"\\{name}  stage_{number}({', '.join(pins)});")
    return "\n".join([f"module chain({', '.join(heads)});", *lines, "endmodule", ""])


def _link(port: str, number: int) -> str:
    """Name the wire that a port of stage `number` is on; link 0 comes in."""
    side, joined, signal = port.partition("__")
    if not joined:
        return f"{port}_{number}"
    return f"{'i' if side == 'i' and number == 0 else 'o'}{number + (side == 'o')}__{signal}"


def _selects(design: libyosys.Design, name: str) -> bool:
    module = next(module for key, module in design.modules_.items() if str(key) == f"\\{name}")
    return any(str(wire.name) == f"\\{SELECT}" for wire in module.wires_.values())
