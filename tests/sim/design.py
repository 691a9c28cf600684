"""A build directory of a tiny hand-written network, with a model of it, and faults on demand."""

import json
import shutil
from pathlib import Path

import numpy as np

from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat, EntryFormat, StreamFormat, WinnersFormat
from sim.contract import AxisPort, Contract, Prediction, StreamTap
from sim.vectors import Vectors, save_vectors

SHAPE = (2, 3, 3)
ACTIVATION = FixedPoint(7, 0, False)
ORDER = tuple(channel * 9 + pixel for pixel in range(9) for channel in range(2))
WEIGHTS = np.random.default_rng(7).integers(-100, 100, (18, 3))  # by index of the entry, as in `design.v`


def _tap(name: str, layer: str, form: StreamFormat) -> StreamTap:
    path = f"top.{name}.o__"
    return StreamTap(
        name, layer, f"{path}valid", f"{path}ready", f"{path}payload", form.payload.size, form
    )


CONTRACT = Contract(
    input=AxisPort(SHAPE, FixedPoint(8, 0, True), 2, 8, 16),
    output=AxisPort((3, 1, 1), FixedPoint(16, 0, True), 1, 16, 16),
    streams=(
        _tap("relu", "relu", DenseFormat.natural(SHAPE, ACTIVATION, 2)),
        _tap("winners", "kwta", WinnersFormat(SHAPE, ACTIVATION, 1)),
        _tap("entries", "kwta", EntryFormat(SHAPE, ACTIVATION, 9, ORDER)),
    ),
    # 9 entries in, 3 logits out; 3 registers and 9 pixels until the sums stand, 3 logits.
    predicted=Prediction(interval_cycles=12, latency_cycles=14, interval_exact=True, latency_exact=True),
)


def layers(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return what travels between the stages: `relu` and `kwta`, int64[n, 2, 3, 3]."""
    relu = np.maximum(x, 0)
    first = relu[:, :1] >= relu[:, 1:]
    return {"relu": relu, "kwta": relu * np.concatenate([first, ~first], axis=1)}


def model(x: np.ndarray) -> np.ndarray:
    """Return the logits int64[n, 3]."""
    flat = layers(x)["kwta"].reshape(len(x), -1)
    return flat[:, list(ORDER)] @ WEIGHTS


def make_vectors(count: int, *, positive: bool = False, seed: int = 0) -> Vectors:
    """Return random vectors; with `positive` every pixel has a winner, so that time is exact."""
    x = np.random.default_rng(seed).integers(-60, 60, (count, *SHAPE))
    x = np.abs(x) + 1 if positive else x
    return Vectors(x, model(x))


def write_design(
    directory: Path, vectors: Vectors, *, contract: Contract = CONTRACT, fault: int = 0
) -> Path:
    """Write a build directory and return it."""
    images = directory / "rtl" / "images"
    images.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).with_name("design.v"), directory / "rtl" / "top.v")
    words = [sum((int(w) & 255) << (8 * o) for o, w in enumerate(row)) for row in WEIGHTS]
    (images / "weights.hex").write_text("".join(f"{word:06x}\n" for word in words))
    (images / "fault.hex").write_text(f"{fault:02x}\n")
    (directory / "manifest.json").write_text(json.dumps({"other": 1} | contract.to_json()))
    save_vectors(directory / "vectors.npz", vectors)
    return directory
