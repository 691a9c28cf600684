"""Trained network → `Graph[FloatOp]`: from a `.pt` file, which is never executed, or from a live module."""

from compiler.frontend.loading import Examination, examine, load

__all__ = ["Examination", "examine", "load"]
