"""The rest of each sum, once all that is shared is shared: which terms to add first."""

from collections.abc import Callable
from typing import NamedTuple

from hdl.conv.signed_digits import Term
from hdl.conv.subexpressions import Pattern, Range, Sharing

__all__ = ["Adder", "Trees"]


class Adder(NamedTuple):
    """`left + right`, where the right operand may be a constant.

    The left term is never shifted further than the right one: below that shift its bits pass unchanged,
    unless it is subtracted.
    """

    left: Term
    right: Term | int

    @property
    def signals(self) -> tuple[int, ...]:
        """The operands' numbers."""
        return (self.left.signal,) if isinstance(self.right, int) else (self.left.signal, self.right.signal)

    @property
    def free_bits(self) -> int:
        """Lowest bits of the sum that need no logic: only one operand reaches them."""
        if isinstance(self.right, int):
            return self.left.shift
        return self.right.shift if self.left.sign > 0 else 0


class Joined(NamedTuple):
    """Two terms added: `sign × (adder << shift)`, and what is known of the adder."""

    adder: Adder
    shift: int
    sign: int
    range: Range
    depth: int

    @property
    def bits(self) -> int:
        """Bits that need logic."""
        return self.range.bits - self.adder.free_bits


Operand = Term | int
Pairs = dict[tuple[Operand, Operand], Joined]
Order = Callable[[Joined], tuple[int, ...]]

ORDERS: tuple[Order, ...] = (
    lambda pair: (pair.depth, pair.range.bits, pair.bits),
    lambda pair: (pair.range.bits, pair.depth, pair.bits),
    lambda pair: (pair.range.bits + pair.bits, pair.depth),
    lambda pair: (pair.depth, pair.range.bits + pair.bits),
    lambda pair: (pair.bits, pair.depth),
)
"""What is small in the pair to add next; the first order makes the shallowest trees."""


class Trees:
    """Adders for the terms of each sum, behind those of the shared patterns.

    Each sum is tried in several orders; the one with the fewest bits is kept, of those that are not
    deeper than the shallowest tree of any sum must be.

    Parameters
    ----------
    sharing : Sharing
        Run.

    Attributes
    ----------
    adders : list of Adder
    """

    def __init__(self, sharing: Sharing) -> None:
        self.adders = [_adder_of(pattern) for pattern in sharing.patterns]
        self.ranges, self.depths = list(sharing.ranges), list(sharing.depths)

    def add_up(self, sums: list[list[Term]], bias: list[int]) -> tuple[Term | int, ...]:
        """Append the adders of all sums; return where they come out."""
        operands = [[*terms, *([one] if one else [])] for terms, one in zip(sums, bias, strict=True)]
        shallowest = (self._plan(terms, self._pairs(terms), ORDERS[0]) for terms in operands)
        deepest = max((plan[-1].depth for plan in shallowest if plan), default=0)
        outputs = []
        for terms in operands:
            pairs = self._pairs(terms)
            plans = [self._plan(terms, pairs, order) for order in ORDERS]
            fitting = [plan for plan in plans if not plan or plan[-1].depth <= deepest]
            best = min(fitting, key=lambda plan: sum(joined.bits for joined in plan))
            outputs.append(self._append(best) if best else (*terms, 0)[0])
        return tuple(outputs)

    def _pairs(self, operands: list[Operand]) -> Pairs:
        """Return all that can be added first."""
        last = len(operands) == 2
        return {
            (a, b): self._joined(a, b, last=last) for n, b in enumerate(operands) for a in operands[:n]
        }  # fmt: skip

    def _plan(self, operands: list[Operand], pairs: Pairs, order: Order) -> list[Joined]:
        """Return the adders of one sum, numbered from the next signal on; an order decides between pairs."""
        start, plan, items, pairs = len(self.ranges), [], list(operands), dict(pairs)
        worth = {pair: order(joined) for pair, joined in pairs.items()}
        while worth:
            best = one, other = min(worth, key=worth.__getitem__)
            self._note(plan, pairs[best])
            total = Term(len(self.ranges) - 1, *pairs[best][1:3])
            items = [item for item in items if item not in best]
            worth = {pair: key for pair, key in worth.items() if one not in pair and other not in pair}
            for item in items:
                pair = item, total
                pairs[pair] = self._joined(item, total, last=len(items) == 1)
                worth[pair] = order(pairs[pair])
            items.append(total)
        if items and isinstance(items[0], Term) and items[0].sign < 0:
            # A sum of nothing but subtracted terms is turned over at last.
            self._note(plan, self._joined(items[0], 0, last=True))
        del self.ranges[start:], self.depths[start:]
        return plan

    def _note(self, plan: list[Joined], joined: Joined) -> None:
        plan.append(joined)
        self.ranges.append(joined.range)
        self.depths.append(joined.depth)

    def _append(self, plan: list[Joined]) -> Term:
        """Make a plan's adders; return the sum."""
        for joined in plan:
            self._note([], joined)
            self.adders.append(joined.adder)
        return Term(len(self.ranges) - 1, plan[-1].shift, plan[-1].sign)

    def _joined(self, first: Term | int, second: Term | int, *, last: bool) -> Joined:
        """Add two operands.

        The term that is shifted less, or else the positive one, is not subtracted, unless that would leave
        the whole sum negative.
        """
        if isinstance(first, int):
            first, second = second, first
        total = self.ranges[first.signal]
        if isinstance(second, int):
            total = total.scaled(first.shift, first.sign).plus(Range(second, second))
            return Joined(Adder(first, second), 0, 1, total, 1 + self.depths[first.signal])
        left, right = sorted((first, second), key=lambda term: (term.shift, -term.sign))
        sign = 1 if last and right.sign > 0 else left.sign
        adder = Adder(
            Term(left.signal, 0, left.sign * sign),
            Term(right.signal, right.shift - left.shift, right.sign * sign),
        )
        total = self.ranges[left.signal].scaled(*adder.left[1:])
        total = total.plus(self.ranges[right.signal].scaled(*adder.right[1:]))
        depth = 1 + max(self.depths[left.signal], self.depths[right.signal])
        return Joined(adder, left.shift, sign, total, depth)


def _adder_of(pattern: Pattern) -> Adder:
    return Adder(Term(pattern.left, 0, 1), Term(pattern.right, pattern.shift, pattern.sign))
