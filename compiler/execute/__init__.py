"""The right answer: evaluate any graph op by op, and say where two evaluations first differ."""

from compiler.execute.compare import Difference, first_difference
from compiler.execute.executor import execute

__all__ = ["Difference", "execute", "first_difference"]
