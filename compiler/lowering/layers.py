"""One function a layer kind: which stages compute it."""

from dataclasses import replace
from functools import singledispatch

import numpy as np

from compiler.ir.graph import Graph, Node
from compiler.ir.integer_ops import (
    IntegerConv2d,
    IntegerFlatten,
    IntegerKWinners,
    IntegerLinear,
    IntegerMaxPool,
    IntegerOp,
    Requantize,
)
from compiler.ir.schedule import Folding, Schedule
from compiler.lowering.pipeline_builder import PipelineBuilder
from hdl.activation.global_winners import GlobalWinners, GlobalWinnersConfig
from hdl.activation.requantize import Requantize as Requantizer
from hdl.activation.requantize import RequantizeConfig
from hdl.activation.top_k import TopK, TopKConfig
from hdl.conv.in_turns import ConvInTurns, take_turns
from hdl.conv.side_by_side import side_by_side
from hdl.conv.sparse_dense import SparseDenseConv, SparseDenseConvConfig
from hdl.conv.wires import WiresConv, WiresConvConfig
from hdl.conv.zero_skip import ZeroSkipConv, ZeroSkipConvConfig
from hdl.linear.zero_skip import ZeroSkipLinear, ZeroSkipLinearConfig
from hdl.mac.words import WordTable, pack_taps, pack_words
from hdl.pool.max_pool import MaxPool, MaxPoolConfig
from hdl.streams.formats import DenseFormat

__all__ = ["input_table", "lower_layer", "tap_tables"]


def tap_tables(op: IntegerConv2d, folding: Folding) -> tuple[WordTable, ...]:
    """Return the words of each tap of a convolution that skips zeros."""
    taps = op.weight.reshape(*op.weight.shape[:2], -1)
    return pack_taps(taps, folding.order, folding.lanes, op.weight_bits, folding.paired)


def input_table(op: IntegerLinear, folding: Folding, order: tuple[int, ...]) -> WordTable:
    """Return the words of a matrix product that skips zeros; inputs come in an order, -1 for none."""
    places = np.array(order)
    weight = np.where(places >= 0, op.weight[:, places], 0).T
    return pack_words(weight, folding.order, folding.lanes, op.weight_bits, folding.paired)


@singledispatch
def lower_layer(
    op: IntegerOp,
    node: Node[IntegerOp],
    graph: Graph[IntegerOp],
    schedule: Schedule,
    builder: PipelineBuilder,
) -> None:
    """Append the stages of one layer to a pipeline."""
    raise TypeError(f"{node.name}: {node.kind} has no lowering")


@lower_layer.register
def _(op: IntegerConv2d, node, graph, schedule, builder) -> None:
    folding = schedule.folding(node.name)
    target = DenseFormat(node.output.shape, node.output.form, folding.lanes, folding.order, folding.columns)
    filters, channels, rows, columns = op.weight.shape
    if folding.engine == "wires":
        source = builder.to_dense(node.name).single
        weight = side_by_side(op.weight, folding.columns)
        bias = np.tile(op.bias, folding.columns)
        config = WiresConvConfig(
            source=source, target=target, weight=weight, bias=bias,
            adders_per_stage=schedule.adders_per_stage,
        )  # fmt: skip
        component = WiresConv
    elif folding.engine == "sparse_dense":
        source = builder.to_dense(node.name).single
        taps = op.weight.reshape(filters, channels, -1)
        config = SparseDenseConvConfig(source=source, target=target, weight=taps, bias=op.bias)
        component = SparseDenseConv
    else:
        source = builder.to_winners(node.name)
        array = ZeroSkipConvConfig(
            source=source, target=target, tables=tap_tables(op, folding), bias=op.bias,
            window_cycles=folding.window_cycles, blocks=folding.blocks, loads=schedule.reloadable,
            addressed=schedule.adders_per_stage == 1,
        )  # fmt: skip
        config = take_turns(array, folding.arrays)
        component = ZeroSkipConv if config is array else ConvInTurns
    window = builder.windows(
        node.name, (rows, columns), op.padding, config.cycles_per_window, folding.columns, folding.arrays,
        getattr(config, "constant_time", True),
    )  # fmt: skip
    if folding.engine == "zero_skip" and window.rests:
        config = take_turns(replace(array, late=True), folding.arrays)
    builder.add(node.name, folding.engine, component, config, layer=node.name)


@lower_layer.register
def _(op: IntegerLinear, node, graph, schedule, builder) -> None:
    folding = schedule.folding(node.name)
    source = builder.to_entries(node.name, graph.source(node).active)
    target = DenseFormat(node.output.shape, node.output.form, folding.lanes, folding.order)
    config = ZeroSkipLinearConfig(
        source=source,
        target=target,
        table=input_table(op, folding, source.order),
        bias=op.bias,
        loads=schedule.reloadable,
    )
    builder.add(node.name, folding.engine, ZeroSkipLinear, config, layer=node.name)


@lower_layer.register
def _(op: Requantize, node, graph, schedule, builder) -> None:
    source = builder.to_dense(node.name)
    config = RequantizeConfig(source=source, form=node.output.form, multiplier=op.multiplier, shift=op.shift)
    builder.add(node.name, "requantize", Requantizer, config, layer=node.name)


@lower_layer.register
def _(op: IntegerMaxPool, node, graph, schedule, builder) -> None:
    source = builder.to_dense(node.name)
    if source.columns % op.kernel[1]:
        source = builder.to_pixels(node.name)
    config = MaxPoolConfig(source=source, kernel=op.kernel)
    builder.add(node.name, "max_pool", MaxPool, config, layer=node.name)


@lower_layer.register
def _(op: IntegerKWinners, node, graph, schedule, builder) -> None:
    channels, height, width = graph.source(node).shape
    if op.scope == "global" and op.k < channels * height * width:
        config = GlobalWinnersConfig(source=builder.to_pixels(node.name), k=op.k)
        builder.add(node.name, "global_winners", GlobalWinners, config, layer=node.name)
    elif op.scope == "local" and op.k < channels:
        source = builder.regroup(node.name, schedule.folding(node.name).lanes)
        builder.add(node.name, "top_k", TopK, TopKConfig(source=source, k=op.k), layer=node.name)


@lower_layer.register
def _(op: IntegerFlatten, node, graph, schedule, builder) -> None:
    """Nothing to do: streams number their elements by the tensor's shape, and weights follow."""
