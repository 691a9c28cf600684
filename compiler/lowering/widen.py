"""A design of one instance → several, behind a bus that carries more pixels a beat."""

from dataclasses import replace

from compiler.lowering.pipeline_builder import PipelineBuilder
from hdl.design import Design

__all__ = ["widen"]


def widen(design: Design, columns: int, instances: int) -> Design:
    """Return the design with so many pixels a beat of its bus, which each instance cuts to its own beats."""
    builder = PipelineBuilder(replace(design.source, columns=columns))
    builder.narrow("input", design.source.columns)
    source, stages = builder.stages[0].source if builder.stages else design.source, builder.stages
    return replace(design, source=source, stages=(*stages, *design.stages), instances=instances)
