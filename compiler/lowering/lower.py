"""Walk an integer graph and lay down the stages of each layer."""

from compiler.errors import Problem, UnsupportedModel
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerOp
from compiler.ir.schedule import Schedule
from compiler.lowering.ease import ease
from compiler.lowering.layers import lower_layer
from compiler.lowering.pipeline_builder import PipelineBuilder
from compiler.lowering.widen import widen
from hdl.design import Design
from hdl.streams.formats import DenseFormat

__all__ = ["lower"]


def lower(graph: Graph[IntegerOp], schedule: Schedule) -> Design:
    """Turn a graph and its schedule into a design.

    Parameters
    ----------
    graph : Graph of integer operations
        Verified, accumulators tightened. A chain: each value has one reader.
    schedule : Schedule
        Of that graph.

    Returns
    -------
    Design
        Its stages compute the graph's output; `Stage.layer` tells which value a stream carries.

    Raises
    ------
    UnsupportedModel
        If a value is read twice: streams do not fork yet.
    """
    forks = [node.name for node in graph if len(graph.users(node.name)) > 1]
    if forks:
        raise UnsupportedModel(
            *(Problem(name, "is read by several layers; streams cannot fork") for name in forks)
        )
    value = graph.input
    source = DenseFormat.natural(value.shape, value.form, schedule.input_lanes, schedule.input_columns)
    builder = PipelineBuilder(source)
    for node in graph:
        lower_layer(node.op, node, graph, schedule, builder)
    builder.to_pixels(graph.output)
    design = ease(Design(name=graph.name, source=source, stages=tuple(builder.stages)))
    return widen(design, schedule.bus_columns or schedule.input_columns, schedule.instances)
