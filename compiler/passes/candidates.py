"""The ways to build a layer with multiplications, and what each costs."""

from dataclasses import dataclass, replace

import numpy as np

from compiler.ir.graph import Node
from compiler.ir.integer_ops import IntegerOp
from compiler.ir.schedule import Folding
from compiler.ir.values import Value
from compiler.passes.assign_lanes import assign_lanes, word_counts
from compiler.passes.choose_columns import Columns, frame_cycles
from hdl.mac.columns import share_columns
from hdl.mac.words import pack_words

__all__ = ["Candidate", "in_turns", "selecting", "sharing", "zero_skip"]


@dataclass(frozen=True)
class Candidate:
    """One way to build a layer: what it costs, and how long a frame takes at most.

    `multipliers` are the chip's, of which paired lanes share one; `window_words` the most that a window of a
    zero-skipping convolution fetches.
    """

    folding: Folding
    cycles: int
    multipliers: int
    window_words: int = 0


def selecting(node: Node[IntegerOp], lanes: int, columns: Columns) -> Candidate:
    """Return a layer that selects pixels; with a lane for every filter its weights become wires."""
    filters = node.output.shape[0]
    if lanes == filters:
        folding = Folding("wires", lanes, tuple(range(filters)), columns.made)
        return Candidate(folding, frame_cycles(node, 1, columns), 0)
    counts = np.count_nonzero(node.op.weight.reshape(filters, -1), axis=1)
    # Filters of like size share a lane: its multipliers are those of its largest filter.
    by_size = np.argsort(-counts, kind="stable")
    slots = -(-filters // lanes)
    padded = np.concatenate([by_size, np.full(slots * lanes - filters, -1)])
    folding = Folding("sparse_dense", lanes, tuple(padded.reshape(lanes, slots).T.ravel().tolist()))
    cycles = frame_cycles(node, slots, replace(columns, made=1))
    return Candidate(folding, cycles, int(counts[by_size[::slots]].sum()))


def zero_skip(node: Node[IntegerOp], source: Value, lanes: int, paired: bool) -> Candidate:
    """Return a layer whose inputs fetch the words of their nonzero weights."""
    weight = node.op.weight
    if weight.ndim == 2:
        order = assign_lanes(weight.T != 0, lanes)
        words = np.sort(np.maximum(word_counts(weight.T != 0, order, lanes), 1))[::-1]
        cycles = int(words[: source.active].sum()) + len(order) // lanes
        folding = Folding("zero_skip", lanes, order, paired=paired)
        return Candidate(folding, cycles, folding.multipliers)
    filters, channels, rows, columns = weight.shape
    nonzero = weight.transpose(2, 3, 1, 0).reshape(-1, filters) != 0
    order = assign_lanes(nonzero, lanes)
    words = np.maximum(word_counts(nonzero, order, lanes), 1).reshape(-1, channels)
    active = _winners(source)
    slowest = int(np.sort(words, axis=1)[:, ::-1][:, :active].sum(axis=1).max())
    cycles = frame_cycles(node, max(slowest, len(order) // lanes))
    folding = Folding("zero_skip", lanes, order, paired=paired)
    return Candidate(folding, cycles, rows * columns * folding.multipliers, slowest)


def _winners(source: Value) -> int:
    """Return how many channels of a pixel are nonzero at most."""
    return source.at_most if source.sparse == "local" else source.shape[0]


def in_turns(node: Node[IntegerOp], one: Candidate, arrays: int) -> Candidate:
    """Return several arrays like one."""
    hold = max(one.window_words, len(one.folding.order) // one.folding.lanes)
    return Candidate(
        replace(one.folding, arrays=arrays),
        frame_cycles(node, hold, arrays=arrays),
        arrays * one.multipliers,
        one.window_words,
    )


def sharing(node: Node[IntegerOp], source: Value, fast: Candidate, interval: int) -> Candidate:
    """Return a convolution that skips zeros in as few columns of lanes as keep within an interval.

    `fast`, whose taps share none, does keep within it.
    """
    folding, op = fast.folding, node.op
    slots = len(folding.order) // folding.lanes
    least = max(fast.window_words, slots)
    hold = interval * folding.arrays // int(np.prod(node.output.shape[1:]))
    while hold > least and frame_cycles(node, hold, arrays=folding.arrays) > interval:
        hold -= 1
    hold = max(hold, least)
    taps = op.weight.reshape(*op.weight.shape[:2], -1).transpose(2, 1, 0)
    tables = tuple(pack_words(tap, folding.order, folding.lanes, op.weight_bits) for tap in taps)
    columns = share_columns(tables, _winners(source), hold)
    words = max(column.worst_words for column in columns)
    return Candidate(
        replace(folding, window_cycles=hold),
        max(fast.cycles, frame_cycles(node, max(words, slots), arrays=folding.arrays)),
        folding.arrays * len(columns) * folding.multipliers,
        words,
    )
