"""zeroskip: from a trained sparse network to hardware that skips zeros.

>>> import compiler                                             # doctest: +SKIP
>>> bundle = compiler.build("model.pt", board="u250")           # doctest: +SKIP
>>> bundle.verify().passed                                      # doctest: +SKIP
True
"""

from compiler.bundle import Bundle
from compiler.errors import CompilerError, DoesNotFit, InvalidGraph, Problem, ToolFailed, UnsupportedModel
from compiler.pipeline import build, check, inspect

__all__ = [
    "Bundle",
    "CompilerError",
    "DoesNotFit",
    "InvalidGraph",
    "Problem",
    "ToolFailed",
    "UnsupportedModel",
    "build",
    "check",
    "inspect",
]
