"""The ways to build a layer with multiplications, and what each costs."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from compiler.ir.graph import Node
from compiler.ir.integer_ops import IntegerOp
from compiler.ir.schedule import Folding
from compiler.ir.values import Value
from compiler.passes.assign_lanes import assign_lanes, word_counts
from compiler.passes.choose_columns import Columns, frame_cycles
from hdl.conv.in_turns import take_turns
from hdl.conv.signed_digits import signed_digits
from hdl.conv.sparse_dense import SparseDenseConvConfig
from hdl.conv.zero_skip import ZeroSkipConvConfig
from hdl.cost import cost_of
from hdl.linear.zero_skip import ZeroSkipLinearConfig
from hdl.mac.words import pack_taps, pack_words
from hdl.resources import Fabric, Resources
from hdl.streams.formats import DenseFormat, EntryFormat, WinnersFormat

__all__ = ["Candidate", "area_of", "columns_of", "in_turns", "selecting", "sharing", "wire_luts", "zero_skip"]

KNOWN = 512
"""Candidates that are kept: a search asks for the same ones over and over."""

WIRE_GROWTH_BITS = 4
"""Bits by which an adder of a wired layer is wider than the input, on average; estimated."""


@dataclass(frozen=True)
class Candidate:
    """One way to build a layer: how long a frame takes at most, and with how many multipliers.

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


@lru_cache(KNOWN)
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
    folding = fast.folding
    slots = len(folding.order) // folding.lanes
    least = max(fast.window_words, slots)
    hold = interval * folding.arrays // int(np.prod(node.output.shape[1:]))
    while hold > least and frame_cycles(node, hold, arrays=folding.arrays) > interval:
        hold -= 1
    folding = replace(folding, window_cycles=max(hold, least))
    array = _config(node, source, replace(folding, arrays=1))
    words = array.worst_words
    return Candidate(
        folding,
        max(fast.cycles, frame_cycles(node, max(words, slots), arrays=folding.arrays)),
        folding.arrays * len(array.columns) * folding.multipliers,
        words,
    )


def area_of(node: Node[IntegerOp], source: Value, folding: Folding, fabric: Fabric) -> Resources:
    """Predict what a layer takes; of wires, nothing shared, an estimate from above."""
    if folding.engine == "wires":
        return Resources(lut=wire_luts(node, source) * folding.columns)
    return _area(node, source, folding, fabric)


def columns_of(node: Node[IntegerOp], source: Value, folding: Folding) -> int:
    """Return the columns of lanes that each array of a convolution that skips zeros has."""
    return len(_config(node, source, replace(folding, arrays=1)).columns)


def wire_luts(node: Node[IntegerOp], source: Value) -> int:
    """Return lookup tables of weights as wires at one position, estimated from above: nothing shared."""
    digits = sum(len(signed_digits(weight)) for weight in node.op.weight.ravel().tolist())
    return digits * (source.form.width + WIRE_GROWTH_BITS)


@lru_cache(KNOWN)
def _area(node: Node[IntegerOp], source: Value, folding: Folding, fabric: Fabric) -> Resources:
    return cost_of(_config(node, source, folding), fabric)


@lru_cache(KNOWN)
def _config(node: Node[IntegerOp], source: Value, folding: Folding) -> Any:
    """Return the component's configuration, but for the order in which its inputs come."""
    op, lanes = node.op, folding.lanes
    target = DenseFormat(node.output.shape, node.output.form, lanes, folding.order)
    if op.weight.ndim == 2:
        places = tuple(range(op.weight.shape[1]))
        entries = EntryFormat(source.shape, source.form, source.active, places)
        table = pack_words(op.weight.T, folding.order, lanes, op.weight_bits, folding.paired)
        return ZeroSkipLinearConfig(source=entries, target=target, table=table, bias=op.bias)
    taps = op.weight.reshape(*op.weight.shape[:2], -1)
    if folding.engine == "sparse_dense":
        dense = DenseFormat.natural(source.shape, source.form, source.shape[0])
        return SparseDenseConvConfig(source=dense, target=target, weight=taps, bias=op.bias)
    tables = _tables(node, folding.order, lanes, folding.paired)
    array = ZeroSkipConvConfig(
        source=WinnersFormat(source.shape, source.form, _winners(source)),
        target=target,
        tables=tables,
        bias=op.bias,
        window_cycles=folding.window_cycles,
        blocks=folding.blocks,
    )
    return take_turns(array, folding.arrays)


@lru_cache(KNOWN)
def _tables(node: Node[IntegerOp], order: tuple[int, ...], lanes: int, paired: bool) -> tuple:
    taps = node.op.weight.reshape(*node.op.weight.shape[:2], -1)
    return pack_taps(taps, order, lanes, node.op.weight_bits, paired)
