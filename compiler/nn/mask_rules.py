"""How the mask of one layer comes about and changes during training."""

import math
from dataclasses import dataclass

import torch

from compiler.nn.masks import largest_per_unit, random_mask

__all__ = ["CurrentMask", "DynamicMask", "MaskRule", "RandomMask"]


@dataclass(frozen=True)
class MaskRule:
    """Base of all rules: the fields are options, the methods are pure."""

    def initial(self, weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the mask to start from, bool like `weight`. `generator` is a CPU one."""
        raise NotImplementedError

    def update(
        self, step: int, mask: torch.Tensor, weight: torch.Tensor, gradient: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the mask after optimizer step `step`, counted from 1.

        `weight` is the dense copy while the rule keeps one, else the layer's own weight; `gradient`
        is the layer's, from the same step.
        """
        return mask

    def keeps_dense_copy(self, step: int) -> bool:
        """Whether, after `step` steps, losing weights live on in a copy from which they may return."""
        return False


@dataclass(frozen=True)
class RandomMask(MaskRule):
    """Fixed random masks: `nonzeros` inputs for each unit."""

    nonzeros: int

    def initial(self, weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Draw the mask."""
        return random_mask(weight.shape, self.nonzeros, generator).to(weight.device)


@dataclass(frozen=True)
class CurrentMask(MaskRule):
    """What is zero stays zero: for training on once masks are settled, as in quantization."""

    def initial(self, weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mark what is nonzero now."""
        return weight != 0


@dataclass(frozen=True)
class DynamicMask(RandomMask):
    """Dynamic sparse training: drop the smallest weights, regrow where the gradient is largest.

    Starts from random masks and keeps `nonzeros` weights a unit at all times. A regrown weight
    starts at 0. The share that moves falls from `share` to 0 along a half cosine.

    Parameters
    ----------
    nonzeros : int
        Weights that each unit has.
    end : int
        Step at which the mask is frozen.
    interval : int
        Steps between updates.
    share : float
        Part of a unit's weights that moves in the first update.

    References
    ----------
    Evci et al., "Rigging the Lottery: Making All Tickets Winners", 2020.
    """

    end: int
    interval: int = 100
    share: float = 0.3

    def update(
        self, step: int, mask: torch.Tensor, weight: torch.Tensor, gradient: torch.Tensor | None
    ) -> torch.Tensor:
        """Move weights every `interval` steps until `end`. Needs the gradient, dense."""
        if step >= self.end or step % self.interval:
            return mask
        if gradient is None:
            raise ValueError("the gradient is gone; call step() after optimizer.step(), before zero_grad()")
        inputs = mask[0].numel()
        moved = round(self.nonzeros * self.share * (1 + math.cos(math.pi * step / self.end)) / 2)
        moved = min(moved, inputs - self.nonzeros)
        kept = largest_per_unit(weight.abs().masked_fill(~mask, -1), self.nonzeros - moved)
        return kept | largest_per_unit(gradient.abs().masked_fill(mask, -1), moved)
