"""Put a gate on every stream of every stage, so that streams inside a design can be held up.

The Verilog stays as it was emitted, but for one word a file: the stage's module gets another name, and a
module with its old one holds it between gates, which are called `STAGE.i` and `STAGE.o`. Nothing of this is
ever synthesized.
"""

import re
from pathlib import Path

from sim.errors import SimulationError

__all__ = ["GATE", "gated_sources", "with_gates"]

GATE = Path(__file__).with_name("gate.sv")
_WHOLE = ("top", "pipeline")
"""Files whose modules are made of stages."""

_PORT = re.compile(r"^  (input|output) (\[\d+:0\] )?(\w+);$", re.MULTILINE)
_STREAM = {"i__payload", "i__valid", "i__ready", "o__payload", "o__valid", "o__ready"}


def gated_sources(directory: Path, folder: Path) -> list[Path]:
    """Write the Verilog of a build directory with gates around its stages, and return its files.

    Parameters
    ----------
    directory : Path
        A build directory.
    folder : Path
        Gets the files.
    """
    sources = [GATE]
    for source in sorted((directory / "rtl").glob("*.v")):
        text = source.read_text()
        if source.stem not in _WHOLE:
            text = with_gates(source.stem, text)
        (folder / source.name).write_text(text)
        sources.append(folder / source.name)
    return sources


def with_gates(stage: str, text: str) -> str:
    """Return Verilog in which the module of a stage is held between gates."""
    inner = f"{stage}_ungated"
    renamed, count = re.subn(rf"^module {stage}\s*\(", f"module {inner}(", text, flags=re.MULTILINE)
    body = renamed[renamed.find(f"module {inner}(") :].partition("endmodule")[0]
    ports = {name: (way, width or "") for way, width, name in _PORT.findall(body)}
    if count != 1 or not _STREAM <= ports.keys():
        what = f"no module {stage} with streams i and o"
        raise SimulationError(f"rtl/{stage}.v", what, "build the directory again")
    heads = ", ".join(f"{way} {width}{name}" for name, (way, width) in ports.items())
    inside = {"i__valid", "i__ready", "o__valid", "o__ready"}
    pins = ", ".join(f".{name}({name}{'_inside' if name in inside else ''})" for name in ports)
    gates = "\n".join(
        f'  zeroskip_gate #("{stage}.{side}") {side}_gate (.clk(clk), .rst(rst), '
        f".i_valid({before[0]}), .i_ready({before[1]}), .o_valid({after[0]}), .o_ready({after[1]}));"
        for side, before, after in (
            ("i", ("i__valid", "i__ready"), ("i__valid_inside", "i__ready_inside")),
            ("o", ("o__valid_inside", "o__ready_inside"), ("o__valid", "o__ready")),
        )
    )
    wires = f"  wire {', '.join(f'{name}_inside' for name in sorted(inside))};"
    return f"{renamed}\nmodule {stage}({heads});\n{wires}\n{gates}\n  {inner} stage({pins});\nendmodule\n"
