"""Memory images of other weights for a design that is built."""

from compiler.errors import DoesNotFit, Problem, raise_problems
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerConv2d, IntegerOp
from compiler.ir.schedule import Schedule
from compiler.lowering.layers import input_table, tap_tables
from hdl.design import Design
from hdl.mac.capacity import CapacityError
from hdl.memory.loading import Contents

__all__ = ["refill_memories"]


def refill_memories(design: Design, graph: Graph[IntegerOp], schedule: Schedule) -> dict[str, list[Contents]]:
    """Return what the memories of a design hold for another graph of the same shape, by stage.

    Parameters
    ----------
    design : Design
        As it was built, with `schedule`.
    graph : Graph of integer operations
        Of the same layers; only weights and biases may differ.

    Raises
    ------
    DoesNotFit
        Naming every layer whose memories are too small, or that would take longer than it is built for.
    """
    found, problems = {}, []
    for stage in design.stages:
        if not getattr(stage.config, "loads", False):
            continue
        op, folding = graph.node(stage.layer).op, schedule.folding(stage.layer)
        if isinstance(op, IntegerConv2d):
            words = tap_tables(op, folding)
        else:
            words = input_table(op, folding, stage.config.source.order)
        try:
            found[stage.name] = stage.config.contents(words, op.bias)
        except CapacityError as error:
            problems.append(Problem(stage.layer, str(error), "prune its weights further, or build again"))
    raise_problems(DoesNotFit, problems)
    return found
