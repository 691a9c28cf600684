"""Of many made-up frames those that tell the most: the emptiest, the fullest, the strongest, and ties."""

import numpy as np

from compiler.execute import execute
from compiler.frames import extreme_frames
from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import IntegerKWinners, IntegerOp, Requantize

__all__ = ["telling_frames"]

CHOICE = 32
"""Frames of which one is chosen."""

AT_ONCE = 24
"""Frames whose every layer is held at a time."""


def telling_frames(graph: Graph[IntegerOp], count: int, seed: int = 0) -> np.ndarray:
    """Make up int64 frames that meet what few do, chosen among many extreme ones.

    Up to half are those in which some layer has the fewest or the most nonzeros, or some channel is
    strongest: one that is mostly zero hides what is wrong with it. The others have the most ties for the last
    place among winners, which only the order of channels and pixels decides.
    """
    frames = _distinct(extreme_frames(graph, CHOICE * count, seed))
    merits, ties = [], []
    for start in range(0, len(frames), AT_ONCE):
        values = execute(graph, frames[start : start + AT_ONCE], keep="all")
        filled = [np.count_nonzero(value, axis=(1, 2, 3))[:, None] for value in values.values()]
        peaks = [values[node.name].max(axis=(2, 3)) for node in graph if isinstance(node.op, Requantize)]
        merits.append(np.concatenate([*(-nonzeros for nonzeros in filled), *filled, *peaks], axis=1))
        ties.append(sum((_ties(node, values) for node in graph), np.zeros(len(filled[0]))))
    best = np.concatenate(merits).argmax(axis=0)
    most_ties = np.argsort(-np.concatenate(ties), kind="stable")
    order = [*dict.fromkeys(best.tolist())][: count // 2] + most_ties.tolist()
    return np.resize(frames[list(dict.fromkeys(order))[:count]], (count, *frames.shape[1:]))


def _distinct(frames: np.ndarray) -> np.ndarray:
    _, first = np.unique(frames.reshape(len(frames), -1), axis=0, return_index=True)
    return frames[np.sort(first)]


def _ties(node: Node[IntegerOp], values: dict[str, np.ndarray]) -> np.ndarray | int:
    """Return for each frame in how many places the last winner equals the first loser, and both count."""
    if not isinstance(node.op, IntegerKWinners):
        return 0
    given = values[node.inputs[0]]
    runners = given.reshape(len(given), given.shape[1] if node.op.scope == "local" else given[0].size, -1)
    if node.op.k >= runners.shape[1]:
        return 0
    ranked = -np.partition(-runners, (node.op.k - 1, node.op.k), axis=1)
    winner, loser = ranked[:, node.op.k - 1], ranked[:, node.op.k]
    return ((winner == loser) & (winner != 0)).sum(axis=1)
