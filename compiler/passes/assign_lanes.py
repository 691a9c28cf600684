"""Give every output a lane, so that the nonzeros of one input rarely meet: complementary packing."""

import hashlib

import numpy as np

__all__ = ["assign_lanes", "word_counts"]

MOST_KNOWN = 1024
"""Assignments that are kept: a search asks for the same ones over and over."""

_known: dict[tuple, tuple[int, ...]] = {}


def word_counts(nonzero: np.ndarray, order: tuple[int, ...], lanes: int) -> np.ndarray:
    """Return the words each input takes: the nonzeros in its fullest lane.

    `nonzero` is bool[inputs, outputs]; `order[slot * lanes + lane]` an output or -1.
    """
    held = np.array(order)
    placed = np.zeros((len(nonzero), len(order)), dtype=np.int64)
    placed[:, held >= 0] = nonzero[:, held[held >= 0]]
    return placed.reshape(len(nonzero), -1, lanes).sum(axis=1).max(axis=1)


def assign_lanes(nonzero: np.ndarray, lanes: int) -> tuple[int, ...]:
    """Choose the lane and slot of every output.

    Takes the best of three: consecutive outputs share a lane (right for masks trained in blocks),
    consecutive outputs take turns, and a greedy choice that works on any pattern. Changes the time of
    a layer, never its result.

    Parameters
    ----------
    nonzero : bool[inputs, outputs]
        Where weights are not zero; all taps of a convolution are inputs.
    lanes : int
        From 1 to the number of outputs.

    Returns
    -------
    tuple of int
        `order[slot * lanes + lane]`: an output, or -1 where a lane has none left.
    """
    digest = hashlib.blake2b(np.packbits(nonzero)).digest(), nonzero.shape, lanes
    if digest not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.pop(next(iter(_known)))
        _known[digest] = _best(nonzero, lanes)
    return _known[digest]


def _best(nonzero: np.ndarray, lanes: int) -> tuple[int, ...]:
    """Return the choice that takes the fewest words."""
    outputs = nonzero.shape[1]
    slots = -(-outputs // lanes)
    padded = np.concatenate([np.arange(outputs), np.full(slots * lanes - outputs, -1)])
    in_turns = tuple(padded.tolist())
    together = tuple(padded.reshape(lanes, slots).T.ravel().tolist())
    candidates = [together, in_turns]
    cost = [int(word_counts(nonzero, order, lanes).sum()) for order in candidates]
    # Every input takes at least as many words as its nonzeros fill: no choice beats that.
    floor = int((-(-nonzero.sum(axis=1) // lanes)).sum())
    if min(cost) > floor:
        candidates.append(_greedy(nonzero, lanes, slots))
        cost.append(int(word_counts(nonzero, candidates[-1], lanes).sum()))
    return candidates[int(np.argmin(cost))]


def _greedy(nonzero: np.ndarray, lanes: int, slots: int) -> tuple[int, ...]:
    """Place outputs one by one, fullest first, where they lengthen the fewest inputs."""
    counts = np.zeros((len(nonzero), lanes), dtype=np.int64)
    fill = np.zeros(lanes, dtype=np.int64)
    order = np.full((slots, lanes), -1)
    for output in np.argsort(-nonzero.sum(axis=0), kind="stable"):
        rows = counts[nonzero[:, output]]
        longest = rows.max(axis=1, keepdims=True) if len(rows) else rows
        cost = (rows >= longest).sum(axis=0) * len(nonzero) + rows.sum(axis=0) if len(rows) else fill
        lane = int(np.argmin(np.where(fill < slots, cost, np.iinfo(np.int64).max)))
        order[fill[lane], lane] = output
        counts[nonzero[:, output], lane] += 1
        fill[lane] += 1
    return tuple(order.ravel().tolist())
