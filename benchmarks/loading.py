"""Weights of a second trained network, loaded over the simulated line into hardware that holds a first."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Part
from benchmarks.serial_line import Line, build_core
from boards.host import Link, SerialBoard
from compiler import pipeline
from compiler.weights import reweight
from sim.contract import load_contract
from sim.vectors import load_vectors

__all__ = ["PARTS", "TEXT", "measure"]

TEXT = """
`build --reloadable` of the digits' network `retrained.pt`, and the weights of `sparse_sparse.pt`, of which
that one was trained on with its first layer held, loaded over the serial line (`python -m compiler weights`,
the host's driver): the core of the ULX3S's shell in Verilator, one byte in a hundred spoiled, both ways.
Before and after, the drawn digits are asked for over the line, and the stored ones run at full rate;
*differ* are logits of the two networks, *wrong* those that are not, bit for bit, what PyTorch says.
"""
KINDS = {
    "digits": "counted", "weights_bytes": "counted", "bytes_spoiled": "counted", "logits": "counted",
    "differ": "counted", "wrong_before": "simulated", "wrong_after": "simulated",
    "self_test_mismatches": "simulated",
}  # fmt: skip
MODELS = Path(__file__).parents[1] / "models" / "mnist"
NOISE, SEED = 0.01, 3
SLOTS = 4


def measure(folder: Path) -> dict[str, Any]:
    """Build one network, load the other, and ask both the same."""
    built = pipeline.build(
        MODELS / "retrained.pt", board="ulx3s-85f", output=folder / "built", reloadable=True,
        samples=MODELS / "vectors.npz",
    ).directory  # fmt: skip
    other = reweight(built, MODELS / "sparse_sparse.pt", output=folder / "other").directory
    before, after = (load_vectors(each / "vectors.npz", load_contract(each)) for each in (built, other))
    with Line(build_core(built, SLOTS, folder), built, noise=NOISE, seed=SEED) as line:
        first = SerialBoard(Link(line), built, SLOTS).predict(before.x)
        board = SerialBoard(Link(line), other, SLOTS)
        mismatches = board.self_test(2 * SLOTS).mismatches
        second = board.predict(after.x)
        return {
            "digits": len(after.x),
            "weights_bytes": (other / "weights.bin").stat().st_size,
            "bytes_spoiled": line.spoiled,
            "logits": after.logits.size,
            "differ": int(np.count_nonzero(before.logits != after.logits)),
            "wrong_before": int(np.count_nonzero(first != before.logits)),
            "wrong_after": int(np.count_nonzero(second != after.logits)),
            "self_test_mismatches": mismatches,
        }


PARTS = [Part("loading", "ulx3s-85f-mnist", measure, KINDS)]
