"""Frames with their exact outputs, as PyTorch and the executor agree on them; and how many are right."""

from typing import Any

import numpy as np

from compiler.errors import InvalidGraph, Problem
from compiler.execute import execute
from compiler.frames import Samples, extreme_frames, to_integers, to_real
from compiler.ir.float_ops import FloatOp
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerOp
from compiler.telling_frames import telling_frames
from sim.vectors import Vectors

__all__ = ["accuracy_of", "vectors_of"]


def vectors_of(integer: Graph[IntegerOp], frames: Samples, made_up: bool) -> Vectors:
    """Return frames with their exact outputs, on which PyTorch and the executor must agree.

    Every second made-up frame is an extreme one instead, so that sums saturate and winners are many or none;
    half of these are chosen among many for what rarely happens.
    """
    from compiler.frontend.exact_module import exact_logits  # brings PyTorch, which takes seconds

    x = to_integers(integer, frames)
    if made_up:
        x[1::4] = extreme_frames(integer, len(x[1::4]))
        x[3::4] = telling_frames(integer, len(x[3::4]), seed=1)
    logits = execute(integer, x).reshape(len(x), -1)
    pytorch = exact_logits(integer, x).reshape(len(x), -1)
    if not np.array_equal(logits, pytorch):
        frame = int(np.flatnonzero((logits != pytorch).any(axis=1))[0])
        what = f"the executor and PyTorch differ in frame {frame}"
        raise InvalidGraph(Problem(integer.output, what, "report this as a bug"))
    return Vectors(x, logits, frames.y)


def accuracy_of(trained: Graph[FloatOp], frames: Samples, vectors: Vectors) -> dict[str, Any] | None:
    """Compare the float network's and the integer network's answers with the labels."""
    if frames.y is None:
        return None
    logits = execute(trained, to_real(trained, frames)).reshape(len(frames), -1)
    return {
        "float": float((logits.argmax(axis=1) == frames.y).mean()),
        "integer": float((vectors.logits.argmax(axis=1) == frames.y).mean()),
        "samples": len(frames),
    }
