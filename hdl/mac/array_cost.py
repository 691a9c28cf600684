"""What zero-skipping arrays take of a chip: lanes, what fetches for them, what reads them out."""

import numpy as np

from hdl.mac.lanes_config import LanesConfig
from hdl.mac.readout import ReadoutConfig
from hdl.mac.words import WordTable
from hdl.memory.loading import loadable_cost
from hdl.memory.rom import rom_cost
from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources, total
from hdl.streams.queue import QueueConfig

__all__ = ["fetch_cost", "lanes_cost", "readout_cost"]


def lanes_cost(config: LanesConfig, fabric: Fabric) -> Resources:
    """Predict what a column of lanes takes: a multiplier for one or two, an adder and accumulators each."""
    bits, width = config.sum_bits, config.form.width
    depth = max(2, config.banks << max(1, config.slot_bits))
    product = config.multipliers * fabric.product(config.weight_bits, width + (not config.form.signed))
    shared = fabric.logic(4, 2 * width + 12 + 3 * config.slot_bits)
    halves = config.lanes - config.multipliers
    # Yosys leaves the registers around multipliers outside; those of the activation are shared.
    shared += Resources(ff=config.lanes * (config.weight_bits + config.product_bits))
    shared += Resources(ff=config.last_legs * config.lanes * config.lane_bits)
    if not config.accumulates:
        # What is carried into the upper of two products, and a register behind all.
        left = Resources(lut=width, ff=config.lanes * config.left_bits)
        return product + left + halves * fabric.sum(config.left_bits) + shared
    stored = fabric.accumulators(bits, depth, ports=config.banks)
    # The table of an adder's bit also says whether what was kept counts.
    addressed = config.slot_bits if config.banks == 1 else 0
    selected = Resources(lut=addressed, ff=bits + 2 * config.slot_bits)
    lane = fabric.sum(bits) + stored + selected
    if config.deep:
        # What was read, what may come before it, and a product that waits for both.
        lane += Resources(lut=bits + config.slot_bits, ff=bits + config.slot_bits + config.product_bits)
    return product + Resources(lut=halves) + config.lanes * lane + shared


def readout_cost(config: ReadoutConfig, fabric: Fabric) -> Resources:
    """Predict what reads the columns out: a tree of adders a lane, and a queue."""
    bits, lanes, slots = config.target.form.width, config.target.lanes, config.slots
    queue = QueueConfig(bits=config.target.payload.size, depth=config.queue_depth)
    added, leaves = Resources(), config.leaves
    for level in range(1, config.tree_latency + 1):
        width = min(bits, config.sum_bits + level)
        added += leaves // 2 * fabric.sum(width) + Resources(ff=-(-leaves // 2) * width)
        leaves -= leaves // 2
    if config.accumulates:
        added += fabric.sum(bits) + Resources(ff=bits)
    parts = [queue.cost(fabric), lanes * added, fabric.counter(slots), fabric.logic(20, 4 * config.latency)]
    rows = max(2, slots)
    if config.banks == 2:
        parts.append(lanes * (2 * fabric.sum(bits) + Resources(ff=bits)))
        parts.append(fabric.memory(config.target.payload.size, 2 * rows, registered=False))
        parts.append(Resources(ff=0 if config.accumulates else config.target.payload.size))
    bias, registered = config.target.payload.size, not config.accumulates
    if config.loads:
        parts.append(loadable_cost(bias, rows, fabric, registered=registered))
    elif np.any(config.bias):
        parts.append(fabric.memory(bias, rows, constant=True, registered=registered))
    if config.leaves > config.columns:
        parts.append(Resources(ff=config.rests * bias))
    return total(parts)


def fetch_cost(
    table: WordTable, fabric: Fabric, *, loads: bool = False, legs: int = 0
) -> Resources:  # fmt: skip
    """Predict what finds an input's words: the words, a directory if inputs differ, an address."""
    words = max(1, len(table.weight))
    address = bits_for_range(words)
    if loads:
        parts = [loadable_cost(table.word_bits, words, fabric)]
    else:
        parts = [rom_cost(table.word_bits, words, table.memory, fabric, legs=legs)]
    if table.words_per_input is None:
        bits, registered = address + int(table.count.max(initial=1)).bit_length(), table.inputs > 256
        if loads:
            parts.append(loadable_cost(bits, table.inputs, fabric, registered=registered))
        else:
            parts.append(fabric.memory(bits, table.inputs, constant=True, registered=registered))
    parts.append(fabric.sum(address) + fabric.logic(8, 6))
    return total(parts)
