"""Sums that share parts: find pairs of terms that occur in many sums, and compute each pair once."""

import heapq
from collections import Counter
from typing import NamedTuple

from hdl.conv.signed_digits import Term
from hdl.numerics import signed_bits

__all__ = ["Pattern", "Range", "Sharing"]


class Range(NamedTuple):
    """The values that a signal takes, both ends included."""

    low: int
    high: int

    @property
    def bits(self) -> int:
        """Width of a signed register."""
        return signed_bits(self.low, self.high)

    def scaled(self, shift: int, sign: int) -> "Range":
        """Return the range of `sign × (signal << shift)`."""
        ends = (sign * self.low << shift, sign * self.high << shift)
        return Range(min(ends), max(ends))

    def plus(self, other: "Range") -> "Range":
        """Return the range of a sum."""
        return Range(self.low + other.low, self.high + other.high)


class Pattern(NamedTuple):
    """`left + sign × (right << shift)`, where left and right are signals."""

    left: int
    right: int
    shift: int
    sign: int


class Entry(NamedTuple):
    """A pattern that waits for its turn, the most frequent ones first."""

    minus_count: int
    score: tuple[int, int]
    pattern: Pattern


class Occurrence(NamedTuple):
    """Where a pattern stands."""

    sum: int
    left: Term
    right: Term


CANDIDATES = 24
"""Equally frequent patterns that are compared; more take longer and rarely gain."""


class Sharing:
    """Sums of terms, rewritten step by step until no pair of terms occurs twice.

    The most frequent pair becomes a signal of its own (Hartley's two-term elimination), again and again.
    Of pairs equally frequent, the one that takes terms from the fewest other repeated pairs goes first, then
    the one whose operands overlap most in the width of their sum. Deterministic.

    Parameters
    ----------
    ranges : list of Range
        Of the signals that exist; grows.
    sums : list of sets of Term
        Are rewritten.
    constants : list of int
        What will be added to each sum as one more term, unless it is 0.
    extra_depth : int or None
        How many adders deeper than without sharing a sum may become; None sets no limit.

    Attributes
    ----------
    patterns : list of Pattern
        The signals made, numbered from where `ranges` ended.
    depths : list of int
        Adders in a row up to each signal.
    """

    def __init__(
        self,
        ranges: list[Range],
        sums: list[set[Term]],
        constants: list[int],
        extra_depth: int | None = None,
    ) -> None:
        self.ranges, self.sums = ranges, sums
        self.patterns: list[Pattern] = []
        self.depths = [0] * len(ranges)
        self._counts: Counter[Pattern] = Counter()
        self._heap: list[Entry] = []
        self._scores: dict[Pattern, tuple[int, int]] = {}
        self._limits: list[int | None] = [None] * len(sums)
        # Which terms of a signal a sum has: most signals stand in few sums.
        self._terms: dict[int, dict[int, set[Term]]] = {}
        for number, terms in enumerate(sums):
            for term in terms:
                self._note(number, term)
        if extra_depth is not None:
            # Terms that are d adders deep have a tree of depth t if the 2**d add up to at most 2**t.
            counts = [len(terms) + bool(one) for terms, one in zip(sums, constants, strict=True)]
            self._limits = [
                (1 << (max(count - 1, 0).bit_length() + extra_depth)) - bool(one)
                for count, one in zip(counts, constants, strict=True)
            ]

    def run(self) -> None:
        """Rewrite the sums."""
        for terms in self.sums:
            ordered = sorted(terms)
            for n, term in enumerate(ordered):
                self._counts.update(_pattern(term, other) for other in ordered[:n])
        self._push(self._counts)
        while candidates := self._candidates():
            best = min(candidates, key=lambda entry: (self._spoiled(entry.pattern, candidates[entry]), entry))
            for entry in candidates.keys() - {best}:
                heapq.heappush(self._heap, entry)
            self._replace(best.pattern, candidates[best])

    def _note(self, number: int, term: Term) -> None:
        """Note that a sum has a term."""
        self._terms.setdefault(term.signal, {}).setdefault(number, set()).add(term)

    def _forget(self, number: int, term: Term) -> None:
        """Note that a sum has a term no more."""
        holders = self._terms[term.signal]
        holders[number].remove(term)
        if not holders[number]:
            del holders[number]

    def _candidates(self) -> dict[Entry, list[Occurrence]]:
        """Take some of the most frequent patterns, all equally frequent, with where they stand."""
        candidates: dict[Entry, list[Occurrence]] = {}
        while self._heap and len(candidates) < CANDIDATES:
            entry = self._heap[0]
            if candidates and entry.minus_count > next(iter(candidates)).minus_count:
                break
            heapq.heappop(self._heap)
            if entry not in candidates and self._counts[entry.pattern] == -entry.minus_count:
                found = self._occurrences(entry.pattern)
                if len(found) > 1:
                    candidates[entry] = found
        return candidates

    def _spoiled(self, pattern: Pattern, found: list[Occurrence]) -> int:
        """Count the repeated pairs that a pattern would take terms from."""
        return sum(
            self._counts[_pattern(term, other)] > 1
            for number, *pair in found
            for other in self.sums[number]
            if other not in pair
            for term in pair
        )

    def _push(self, patterns: set[Pattern] | Counter[Pattern]) -> None:
        """Queue the patterns that occur more than once, by their worth."""
        for pattern in patterns:
            count = self._counts[pattern]
            if count > 1:
                if pattern not in self._scores:
                    self._scores[pattern] = self._score(pattern)
                heapq.heappush(self._heap, Entry(-count, self._scores[pattern], pattern))

    def _score(self, pattern: Pattern) -> tuple[int, int]:
        """Return what is better small: bits of the sum without overlap, and its depth."""
        left, right = self.ranges[pattern.left], self.ranges[pattern.right]
        total = left.plus(right.scaled(pattern.shift, pattern.sign))
        overlap = min(left.bits, right.bits + pattern.shift)
        return total.bits - overlap, max(self.depths[pattern.left], self.depths[pattern.right])

    def _occurrences(self, pattern: Pattern) -> list[Occurrence]:
        """Return where a pattern stands, no term twice."""
        left, right, shift, sign = pattern
        depths = self.depths[left], self.depths[right]
        growth = (2 << max(depths)) - (1 << depths[0]) - (1 << depths[1])
        found = []
        lefts, rights = self._terms[left], self._terms[right]
        for number in sorted(lefts.keys() & rights.keys()):
            limit, used, others = self._limits[number], set(), rights[number]
            room = growth
            if limit is not None:
                room = limit - sum(1 << self.depths[term.signal] for term in self.sums[number])
            for term in sorted(lefts[number]):
                other = Term(right, term.shift + shift, term.sign * sign)
                if growth <= room and other in others and other != term and not {term, other} & used:
                    used |= {term, other}
                    found.append(Occurrence(number, term, other))
                    room -= growth if limit is not None else 0
        return found

    def _replace(self, pattern: Pattern, found: list[Occurrence]) -> None:
        """Make a signal of a pattern, and use it."""
        signal = len(self.ranges)
        left, right = self.ranges[pattern.left], self.ranges[pattern.right]
        self.ranges.append(left.plus(right.scaled(pattern.shift, pattern.sign)))
        self.depths.append(1 + max(self.depths[pattern.left], self.depths[pattern.right]))
        self.patterns.append(pattern)
        touched: set[Pattern] = set()
        for number, *pair in found:
            terms = self.sums[number]
            for term in pair:
                terms.remove(term)
                self._forget(number, term)
                gone = [_pattern(term, other) for other in terms]
                self._counts.subtract(gone)
                touched.update(gone)
            term = Term(signal, pair[0].shift, pair[0].sign)
            made = [_pattern(term, other) for other in terms]
            self._counts.update(made)
            touched.update(made)
            terms.add(term)
            self._note(number, term)
        self._push(touched)


def _pattern(first: Term, second: Term) -> Pattern:
    """Return the pattern of a pair: the term with the lower shift is its left one."""
    if (second.shift, second.signal) < (first.shift, first.signal):
        first, second = second, first
    return Pattern(first.signal, second.signal, second.shift - first.shift, first.sign * second.sign)
