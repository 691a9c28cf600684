"""The reference network's shape as NNgen builds it, simulated with a memory and a host around it."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers.environment import call
from benchmarks.results import Part
from sim.toolchain import build_environment, make_variables

__all__ = ["PARTS", "TEXT"]

PARALLEL = 1
TEXT = """
NNgen on the reference network's shape, 8 bits, one input and one output channel at a time (its 5×5 windows
are unrolled), weights in outside memory behind a 32-bit bus; the Verilog ran in Verilator and its answers
are those of NNgen's own model. Its time does not depend on the weights: zeros gain nothing.
"""
KINDS = {
    "cycles_a_word": "simulated", "wrong_outputs": "simulated", "verilog_bytes": "counted",
    "version": "counted",
}  # fmt: skip
OPTIONS = "--binary --timing -O3 --threads 1 --x-assign fast -Wno-fatal -Wno-lint -Wno-style".split()
COROUTINES = ["CFG_CXXFLAGS_STD=-std=c++20", "CFG_CXXFLAGS_COROUTINES=-fcoroutines"]


def measure(folder: Path) -> dict[str, Any]:
    """Generate, and simulate one word."""
    answer = call("nngen", "nngen_network", str(PARALLEL), folder)
    environment = build_environment() | {"MAKEFLAGS": " ".join([*make_variables(), *COROUTINES])}
    command = ["verilator", *OPTIONS, "--top-module", "test", "-o", "simulator", "test.v"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    simulator = os.fspath(folder / "obj_dir" / "simulator")
    said = subprocess.run([simulator], cwd=folder, check=True, capture_output=True, text=True).stdout
    cycles, wrong = (int(re.search(rf"{word}\s+(\d+)", said)[1]) for word in ("cycles", "wrong"))
    if wrong:
        raise ValueError(f"NNgen's Verilog and its model differ in {wrong} outputs")
    return {"cycles_a_word": cycles, "wrong_outputs": wrong, **answer}


PARTS = [Part("nngen", "one-channel-at-a-time", measure, KINDS)]
