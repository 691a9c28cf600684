"""What can go wrong around a simulation that is not the design's fault."""

__all__ = ["SimulationError"]


class SimulationError(Exception):
    """A tool is missing or failed, or a build directory is damaged: `where`, `what`, and what `next`."""

    def __init__(self, where: str, what: str, next: str = "") -> None:
        super().__init__(f"{where}: {what}" + (f"; {next}" if next else ""))
        self.where, self.what, self.next = where, what, next
