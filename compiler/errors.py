"""What can go wrong, in words a user can act on: where, what, next."""

__all__ = [
    "CompilerError",
    "DoesNotFit",
    "InvalidGraph",
    "Problem",
    "ToolFailed",
    "UnsupportedModel",
    "raise_problems",
]

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `where` it is, `what` it is, and what to do `next`."""

    where: str
    what: str
    next: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.next}" if self.next else "")


class CompilerError(Exception):
    """Base of all errors meant for users. Carries every problem found, not just the first."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class UnsupportedModel(CompilerError):
    """The model file or module cannot be compiled as it is."""


class InvalidGraph(CompilerError):
    """A graph breaks the rules of its level: a bug of the compiler, not of the model."""


class DoesNotFit(CompilerError):
    """The design needs more of a resource, or more time, than the board or the options allow."""


class ToolFailed(CompilerError):
    """An outside tool is missing or failed, or a build directory was damaged."""


def raise_problems(kind: type[CompilerError], problems: list[Problem]) -> None:
    """Raise one error that lists all problems; do nothing if there are none."""
    if problems:
        raise kind(*problems)
