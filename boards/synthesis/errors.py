"""What can go wrong in a synthesis."""

__all__ = ["SynthesisError"]


class SynthesisError(Exception):
    """Yosys failed, or a board has no synthesis: `where`, `what`, and what `next`."""

    def __init__(self, where: str, what: str, next: str = "") -> None:
        super().__init__(f"{where}: {what}" + (f"; {next}" if next else ""))
        self.where, self.what, self.next = where, what, next
