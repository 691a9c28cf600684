"""Masks learned by magnitude: fewer and fewer weights survive along a schedule."""

import math
from dataclasses import dataclass

import torch

from compiler.nn.mask_rules import MaskRule
from compiler.nn.masks import complementary_random_mask, largest_per_input, largest_per_unit

__all__ = ["ComplementaryMask", "MagnitudePruning"]


@dataclass(frozen=True, kw_only=True)
class _Thinning(MaskRule):
    """Base of rules that rank weights and thin out along a cubic schedule, then freeze.

    Until `end`, losers are kept in a dense copy that goes on receiving their gradients, so that a
    loser may come back.

    Parameters
    ----------
    begin, end : int
        Steps at which thinning begins and at which the mask is frozen.
    interval : int
        Steps between updates.
    """

    begin: int = 0
    end: int = 0
    interval: int = 20

    def update(
        self, step: int, mask: torch.Tensor, weight: torch.Tensor, gradient: torch.Tensor | None
    ) -> torch.Tensor:
        """Rank again every `interval` steps and at `end`."""
        due = self.begin <= step <= self.end and (step % self.interval == 0 or step == self.end)
        return self.largest(weight, step) if due else mask

    def keeps_dense_copy(self, step: int) -> bool:
        """Until the mask is frozen."""
        return step < self.end

    def largest(self, weight: torch.Tensor, step: int) -> torch.Tensor:
        """Return the mask that the schedule asks for at a step."""
        raise NotImplementedError

    def survivors(self, step: int, first: int, last: int) -> int:
        """Return how many stay at a step: from `first` down to `last`, `1 - (1 - t)³` of the way."""
        if step >= self.end:
            return last
        progress = max(0.0, (step - self.begin) / (self.end - self.begin))
        return last + round((first - last) * (1 - progress) ** 3)


@dataclass(frozen=True)
class MagnitudePruning(_Thinning):
    """Keep the largest weights of each unit; without a schedule, at once and for good.

    Parameters
    ----------
    nonzeros : int
        Weights that each unit has in the end.
    begin, end, interval : int
        The schedule.
    """

    nonzeros: int

    def initial(self, weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Keep what the schedule asks for at the start."""
        return self.largest(weight, 0)

    def largest(self, weight: torch.Tensor, step: int) -> torch.Tensor:
        """Rank inputs within each unit."""
        return largest_per_unit(weight.abs(), self.survivors(step, weight[0].numel(), self.nonzeros))


@dataclass(frozen=True)
class ComplementaryMask(_Thinning):
    """Masks that pack without conflict: in each block of units an input feeds exactly one unit.

    Hardware that gives each block of consecutive units a lane of its own then meets one weight per
    lane for every active input, never two. A layer of `n` inputs keeps `n / block` weights a unit on
    average.

    Parameters
    ----------
    block : int
        Consecutive units in a block; must divide the layer's units.
    begin, end, interval : int
        The schedule, by which the units that an input feeds go down from `block` to the one of
        largest magnitude. Without it, inputs are dealt out at random, evenly and for good.
    regrow_until : int
        Step until which, from `end` on, inputs still change units: those of the smallest weights go
        over, every `regrow_interval` steps, to the unit of their block whose gradient is largest, and
        start at 0 there. The share that goes falls from `regrown` to 0 along a half cosine. By
        default masks are frozen at `end`.
    regrow_interval : int
    regrown : float
        Part of a layer's weights that goes over at first.
    """

    block: int
    regrow_until: int = 0
    regrow_interval: int = 100
    regrown: float = 0.3

    def initial(self, weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Keep everything, or deal inputs out if there is no schedule."""
        if len(weight) % self.block:
            raise ValueError(f"block must divide the layer's {len(weight)} units, not {self.block!r}")
        if self.end:
            return self.largest(weight, 0)
        return complementary_random_mask(weight.shape, self.block, generator).to(weight.device)

    def largest(self, weight: torch.Tensor, step: int) -> torch.Tensor:
        """Rank units within each block, input by input."""
        return largest_per_input(weight.abs(), self.block, self.survivors(step, self.block, 1))

    def update(
        self, step: int, mask: torch.Tensor, weight: torch.Tensor, gradient: torch.Tensor | None
    ) -> torch.Tensor:
        """Thin out until `end`, then let inputs change units. The latter needs the gradient, dense."""
        if not self.end < step < self.regrow_until or step % self.regrow_interval:
            return super().update(step, mask, weight, gradient)
        progress = (step - self.end) / (self.regrow_until - self.end)
        share = self.regrown * (1 + math.cos(math.pi * progress)) / 2
        groups = (-1, self.block, weight[0].numel())
        sizes = (weight.abs() * mask).reshape(groups).amax(dim=1, keepdim=True)
        moved = sizes <= sizes.flatten().kthvalue(max(1, round(share * sizes.numel()))).values
        asking = largest_per_input(gradient.abs().masked_fill(mask, -1), self.block, 1)
        return torch.where(moved, asking.reshape(groups), mask.reshape(groups)).reshape(mask.shape)
