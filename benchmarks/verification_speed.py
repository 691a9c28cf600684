"""How fast the emitted Verilog is verified: recorded words under every stall pattern, in Verilator."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.results import Part
from benchmarks.throughput import MODELS, real_words
from compiler import pipeline

__all__ = ["PARTS", "TEXT"]

TEXT = """
`python -m compiler verify` on a build for the U250, one instance, recorded words under all four stall
patterns, each compared bit for bit. Making the simulator is apart: it is kept for the next time.
"""
KINDS = {
    "words": "counted", "patterns": "counted", "words_per_second": "measured", "simulated_cycles": "counted",
    "seconds_with_simulator": "measured",
}  # fmt: skip


def measure(network: str, folder: Path) -> dict[str, Any]:
    """Build, verify twice, and time the second time, whose simulator is there."""
    samples = real_words(folder.with_name("words.npz"))
    bundle = pipeline.build(MODELS / f"{network}.pt", board="u250", output=folder, samples=samples)
    seconds = []
    for _ in range(2):
        started = time.monotonic()
        verdict = bundle.verify()
        seconds.append(time.monotonic() - started)
        if not verdict.bit_exact:
            raise ValueError(verdict.line)
    return {
        "words": verdict.vectors,
        "patterns": len(verdict.patterns),
        "words_per_second": round(verdict.vectors * len(verdict.patterns) / seconds[1], 1),
        "simulated_cycles": sum(result.cycles for result in verdict.patterns),
        "seconds_with_simulator": round(seconds[0], 1),
    }


PARTS = [Part("verification", "sparse_sparse", partial(measure, "sparse_sparse"), KINDS)]
