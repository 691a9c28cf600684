"""How parallel: decisions that change time and area, never a result."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Folding", "Schedule"]


@dataclass(frozen=True)
class Folding:
    """How one layer is laid out.

    Parameters
    ----------
    engine : str
        "wires" (weights are constants of an adder graph), "sparse_dense" (stored indices select pixels),
        "zero_skip" (winners select words), or "stream" (no multiplication).
    lanes : int
        Elements that leave a cycle.
    order : tuple of int
        `order[slot * lanes + lane]` is the channel computed there, -1 for none; empty where the layer
        keeps the order of its input.
    columns : int
        Adjacent positions of a row that are computed at once; more than 1 only with "wires".
    arrays : int
        Arrays that take the positions in turns; more than 1 only where a convolution skips zeros.
    paired : bool
        Two lanes share a multiplier; only with "zero_skip".
    window_cycles : int
        Cycles for which an array of such a convolution may be busy with a position; the more, the less of it
        there is. 0 for as few as there can be.
    blocks : int
        Columns of lanes of each array of such a convolution whose words lie in block RAM, however few.
    """

    engine: str
    lanes: int
    order: tuple[int, ...] = ()
    columns: int = 1
    arrays: int = 1
    paired: bool = False
    window_cycles: int = 0
    blocks: int = 0

    @property
    def multipliers(self) -> int:
        """Multipliers that serve all lanes of a column."""
        return -(-self.lanes // (1 + self.paired))


@dataclass(frozen=True)
class Schedule:
    """The foldings of a graph's layers, by name.

    `interval_cycles` is the goal that they were chosen for; `input_lanes` the channels of a pixel that an
    input beat carries, `input_columns` the adjacent pixels. `instances` pipelines share one bus, whose beats
    carry `bus_columns` pixels, a multiple of `input_columns`; 0 for as many as an instance takes. Where it is
    `reloadable`, sparse weights and their biases lie in memories that can be loaded anew. Weights as wires
    have `adders_per_stage` adders in a row between registers; with one, so have addresses of words.
    """

    interval_cycles: int
    input_lanes: int
    foldings: tuple[tuple[str, Folding], ...]
    input_columns: int = 1
    instances: int = 1
    bus_columns: int = 0
    reloadable: bool = False
    adders_per_stage: int = 2

    def folding(self, name: str) -> Folding:
        """Return the folding of a layer. Raises KeyError."""
        return dict(self.foldings)[name]

    def to_json(self) -> dict[str, Any]:
        """Return it as `schedule.json` holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Schedule":
        """Read a schedule; raises KeyError, TypeError or ValueError."""
        foldings = tuple(
            (str(name), Folding(**{**fields, "order": tuple(map(int, fields["order"]))}))
            for name, fields in found["foldings"]
        )
        return cls(**{**found, "foldings": foldings})
