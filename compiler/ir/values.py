"""What flows between operations: shape, number format, and how many elements can be nonzero."""

from dataclasses import dataclass

from hdl.numerics import FixedPoint

__all__ = ["Shape", "Value"]

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Value:
    """A tensor without its batch dimension.

    Parameters
    ----------
    name : str
        Unique in its graph.
    shape : (channels, height, width)
        A flat vector of n is (n, 1, 1).
    form : FixedPoint or None
        Number format; None while the graph is float.
    at_most : int or None
        Bound on nonzeros that a k-WTA guarantees: of a pixel if `sparse` is "local", of the tensor if
        "global". None where nothing is known.
    sparse : "local", "global" or None
        What `at_most` counts.
    """

    name: str
    shape: Shape
    form: FixedPoint | None = None
    at_most: int | None = None
    sparse: str | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        channels, height, width = self.shape
        return channels * height * width

    @property
    def active(self) -> int:
        """Most elements of a frame that can be nonzero."""
        if self.at_most is None:
            return self.size
        pixels = self.shape[1] * self.shape[2] if self.sparse == "local" else 1
        return min(self.size, self.at_most * pixels)

    def __str__(self) -> str:
        shape = "×".join(map(str, self.shape))
        bound = f" ≤{self.at_most} {self.sparse}" if self.at_most is not None else ""
        return f"%{self.name} [{shape}] {self.form or 'float'}{bound}"
