"""What hardware is worth on a board: shares of its budget, added up."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from boards import Board
from hdl.resources import Resources

__all__ = ["Prices", "price_lists"]

SPARE = 0.1
"""Worth of what a design leaves over, beside that of the resource that limits it."""


@dataclass(frozen=True)
class Prices:
    """What one of each resource is worth; infinite for what a board has none of."""

    lut: float
    ff: float
    dsp: float
    block_ram: float
    uram: float

    def of(self, area: Resources) -> float:
        """Return what an area is worth.

        >>> Prices(lut=1, ff=0, dsp=100, block_ram=0, uram=0).of(Resources(lut=50, ff=9, dsp=2))
        250
        """
        return sum(amount * getattr(self, name) for name, amount in asdict(area).items() if amount)


def price_lists(board: Board) -> Iterator[Prices]:
    """Yield prices to try: all shares are worth the same; or logic limits, and the rest is to spare."""
    shares = [1 / budget if budget else float("inf") for budget in board.budget.values()]
    for lut, *others in ([1, 1, 1, 1, 1], [1, SPARE, SPARE, SPARE, SPARE]):
        yield Prices(*(weight * share for weight, share in zip([lut, *others], shares, strict=True)))
