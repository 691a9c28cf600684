"""What any configuration takes of a chip."""

from functools import singledispatch
from typing import Any

from hdl.conv.sparse_dense import SparseDenseConvConfig
from hdl.conv.zero_skip import ZeroSkipConvConfig
from hdl.linear.zero_skip import ZeroSkipLinearConfig
from hdl.mac.array_cost import fetch_cost, lanes_cost, readout_cost
from hdl.numerics import bits_for_range
from hdl.resources import Fabric, Resources, total
from hdl.streams.queue import QueueConfig

__all__ = ["cost_of"]


@singledispatch
def cost_of(config: Any, fabric: Fabric) -> Resources:
    """Predict what a component takes; arrays here, others by their own `cost`."""
    return config.cost(fabric)


@cost_of.register
def _(config: ZeroSkipConvConfig, fabric: Fabric) -> Resources:
    """Columns of lanes, each with what walks through its winners, and a register of a window."""
    pair = config.source.payload["pairs"].shape.elem_shape.size
    window = Resources(ff=len(config.tables) * config.source.payload.size)
    parts = [window, readout_cost(config.readout, fabric), fabric.logic(20 + len(config.columns), 8)]
    for column in config.columns:
        parts += [fetch_cost(column.table, fabric, loads=config.loads), lanes_cost(config.lanes, fabric)]
        parts += [fabric.choice(len(column.places), pair), fabric.counter(len(column.places) + 1)]
        # The winner in work, and what is offered before it.
        parts.append(Resources(lut=pair, ff=pair + 4))
        if config.addressed:
            address = bits_for_range(max(1, len(column.table.weight)))
            parts.append(Resources(ff=address + config.source.form.width))
    return total(parts)


@cost_of.register
def _(config: ZeroSkipLinearConfig, fabric: Fabric) -> Resources:
    """One column of lanes, and two registers of an entry."""
    entry = config.source.payload.size
    parts = [readout_cost(config.readout, fabric), lanes_cost(config.lanes, fabric)]
    parts.append(fetch_cost(config.table, fabric, loads=config.loads, legs=config.lanes.legs))
    return total([*parts, fabric.logic(30 + entry, 3 * entry)])


@cost_of.register
def _(config: SparseDenseConvConfig, fabric: Fabric) -> Resources:
    """Multipliers behind what selects a pixel and a weight, and a tree of adders a lane."""
    width, bits = config.source.form.width, config.target.form.width
    queue = QueueConfig(bits=config.target.payload.size, depth=config.latency + 2)
    selected = fabric.choice(config.steps, width)
    weight = Resources(lut=width, ff=2 * width) if config.steps > 1 else Resources()
    product = fabric.product(width + (not config.source.form.signed), width)
    product = product if config.steps > 1 else Resources(lut=2 * width, ff=2 * width)
    added = fabric.sum(bits) + Resources(ff=bits)
    window = Resources(ff=config.taps * config.source.payload.size)
    each = selected + weight + product + added
    return queue.cost(fabric) + window + config.multipliers * each + fabric.logic(20, 10)
