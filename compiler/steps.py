"""Progress: which step runs, and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Progress", "Steps"]

Progress = Callable[[str, float | None], None]
"""Called with a step's name and None when it begins, and with its seconds when it is done."""


class Steps:
    """Time steps and report them.

    Attributes
    ----------
    seconds : dict
        Of each finished step, by name.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress or (lambda step, seconds: None)
        self.seconds: dict[str, float] = {}
        self.running = ""

    def within(self, part: str) -> None:
        """Report what the running step is at."""
        self.progress(f"{self.running}: {part}", None)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Run one step."""
        self.running = step
        self.progress(step, None)
        started = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - started, 3)
        self.progress(step, self.seconds[step])
