"""The two questions that the rest of the compiler asks: what is in this model, and what is wrong with it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from compiler.errors import Problem, UnsupportedModel, raise_problems
from compiler.frontend.checkpoint import read_checkpoint
from compiler.frontend.importer import Importer
from compiler.frontend.records import ModelRecord
from compiler.ir.float_ops import FloatOp
from compiler.ir.graph import Graph
from compiler.ir.values import Shape

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Examination", "examine", "load"]


class Examination(NamedTuple):
    """What was found in a model: its graph, unless there are problems, and remarks in any case."""

    graph: Graph[FloatOp] | None
    problems: tuple[Problem, ...]
    remarks: tuple[str, ...]


def examine(
    source: "str | os.PathLike[str] | nn.Module", *, input_shape: Shape | None = None
) -> Examination:
    """Read a model and find everything that is wrong with it.

    Parameters
    ----------
    source : path or nn.Module
        A `.pt` file, or a live module.
    input_shape : (channels, height, width), optional
        Needed where it does not follow from the model.

    Returns
    -------
    Examination
        Never raises for what a model or a file may hold.
    """
    try:
        importer = Importer(_record(source), input_shape)
    except UnsupportedModel as fault:
        return Examination(None, fault.problems, ())
    return Examination(importer.graph, tuple(importer.problems), tuple(importer.remarks))


def load(source: "str | os.PathLike[str] | nn.Module", *, input_shape: Shape | None = None) -> Graph[FloatOp]:
    """Read a model.

    Parameters
    ----------
    source : path or nn.Module
        A `.pt` file, or a live module. A file is never executed.
    input_shape : (channels, height, width), optional
        Needed where it does not follow from the model.

    Raises
    ------
    UnsupportedModel
        With every problem of the model.
    """
    examination = examine(source, input_shape=input_shape)
    raise_problems(UnsupportedModel, list(examination.problems))
    return examination.graph


def _record(source: "str | os.PathLike[str] | nn.Module") -> ModelRecord:
    if isinstance(source, str | os.PathLike):
        return read_checkpoint(Path(source))
    from compiler.frontend.tracing import trace_module

    return trace_module(source)
