"""A constant matrix as a graph of adders: every product of a weight is a few shared shifts and sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from hdl.conv.adder_trees import Adder, Trees
from hdl.conv.signed_digits import Term, signed_digits
from hdl.conv.subexpressions import Range, Sharing

__all__ = ["AdderGraph", "build_adder_graph"]


@dataclass(frozen=True, eq=False)
class AdderGraph:
    """Adders that compute `weight @ x + bias` exactly.

    Signals are numbered: first the inputs, then the adders in an order in which operands come first.

    Parameters
    ----------
    inputs : tuple of Range
    adders : tuple of Adder
    outputs : tuple of Term or int
        A term's sign is positive; an int is an output that depends on no input.
    """

    inputs: tuple[Range, ...]
    adders: tuple[Adder, ...]
    outputs: tuple[Term | int, ...]

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """The values that each signal takes, exactly."""
        ends = np.array(self.inputs, dtype=object).T
        factors, constants = list(np.eye(len(self.inputs), dtype=object)), [0] * len(self.inputs)
        ranges = list(self.inputs)
        for left, right in self.adders:
            factor = factors[left.signal] * (left.sign << left.shift)
            constant = constants[left.signal] * (left.sign << left.shift)
            if isinstance(right, int):
                constant += right
            else:
                factor = factor + factors[right.signal] * (right.sign << right.shift)
                constant += constants[right.signal] * (right.sign << right.shift)
            factors.append(factor)
            constants.append(constant)
            extremes = np.sort(factor * ends, axis=0).sum(axis=1) + constant
            ranges.append(Range(*map(int, extremes)))
        return tuple(ranges)

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Adders in a row up to each signal."""
        depths = [0] * len(self.inputs)
        for adder in self.adders:
            depths.append(1 + max(depths[signal] for signal in adder.signals))
        return tuple(depths)

    @property
    def depth(self) -> int:
        """Adders in a row, at most, up to an output."""
        return max((self.depths[term.signal] for term in self.outputs if isinstance(term, Term)), default=0)

    @cached_property
    def adder_bits(self) -> int:
        """Bits that the adders compute: as many LUTs, about."""
        made = self.ranges[len(self.inputs) :]
        return sum(one.bits - adder.free_bits for one, adder in zip(made, self.adders, strict=True))

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """Compute int64[outputs] from int64[inputs], adder by adder; more axes may follow."""
        signals = list(np.asarray(x, dtype=np.int64))
        zero = np.zeros(np.shape(x)[1:], dtype=np.int64)

        def value(term: Term | int) -> np.ndarray:
            return zero + term if isinstance(term, int) else term.sign * signals[term.signal] << term.shift

        for left, right in self.adders:
            signals.append(value(left) + value(right))
        return np.array([value(term) for term in self.outputs])


def build_adder_graph(
    weight: np.ndarray, bias: np.ndarray, inputs: Sequence[Range], *, extra_depth: int | None = None
) -> AdderGraph:
    """Find few and narrow adders that compute `weight @ x + bias`.

    Every weight becomes signed digits; pairs of terms that several sums have in common become signals
    (`hdl.conv.subexpressions`); what is left of each sum, its bias included, is added up in the tree that
    takes the fewest bits of those tried (`hdl.conv.adder_trees`).

    Parameters
    ----------
    weight : int64[outputs, inputs]
    bias : int64[outputs]
    inputs : sequence of Range
        The values that each input takes.
    extra_depth : int, optional
        How many adders deeper an output may become in order to share; no limit unless given. An output
        that only subtracts and has no bias is one adder deeper still.
    """
    matrix = tuple(map(tuple, np.asarray(weight).tolist()))
    return _build(matrix, tuple(np.asarray(bias).tolist()), tuple(inputs), extra_depth)


# A search for a schedule asks for the same graph over and over.
@lru_cache(maxsize=16)
def _build(
    weight: tuple[tuple[int, ...], ...], constants: tuple[int, ...], inputs: tuple[Range, ...],
    extra_depth: int | None,
) -> AdderGraph:  # fmt: skip
    sums = [
        {Term(n, *digit) for n, factor in enumerate(row) for digit in signed_digits(factor)}
        for row in weight
    ]
    sharing = Sharing(list(inputs), sums, list(constants), extra_depth)
    sharing.run()
    trees = Trees(sharing)
    outputs = trees.add_up([sorted(terms) for terms in sums], list(constants))
    return AdderGraph(inputs, tuple(trees.adders), outputs)
