"""How the reference network is trained: every number that matters, and the schedules they make."""

import math
from dataclasses import dataclass

from models.gsc.network import UNITS, VARIANTS

__all__ = ["Recipe", "augmented_share", "learning_rate", "softness_at", "winners_at"]

SOFTNESS_LEFT = 0.04
"""Of the softness at the start, ahead of hard winners."""


@dataclass(frozen=True)
class Recipe:
    """The settings of one training run.

    Parameters
    ----------
    epochs, finetune_epochs : int
        In float, then with integer weights and activations.
    batch : int
        Clips a step.
    peak_rate, finetune_rate : float
        Highest learning rates (AdamW) of the two stages.
    weight_decay : float
        Of AdamW, on all parameters.
    dropout : float
        Ahead of the last layer, dense variant only: the others have zeros enough.
    smoothing : float
        Label smoothing.
    distillation, temperature : float
        Share of the loss that follows the teacher, if there is one, and how soft it speaks.
    unknown : int
        Clips of the class "unknown" in an epoch.
    first_share, fade, last_share : float
        Share of the clips that are augmented, the part of the float stage from which they become
        fewer, and the share that still is at its end and in the integer stage: a network this small
        ends better on clips as they are.
    versions : int
        Augmented versions of each clip that a held stage answers to.
    begin, end : float
        Part of the float stage at which masks and winners begin to thin out and at which they are
        settled.
    regrow : float
        Part of the float stage until which inputs of conv2 and linear1 still change units once masks
        are settled; 0 freezes masks at `end`.
    boost_strength : float
        Of the k-WTA layers at the start; falls to 0 at `end`.
    softness : float
        Of the k-WTA layers at the start, which have their final number of winners at once then; falls to a
        25th until `end`, then is 0. With 0, the number of winners falls instead.
    conv1_digits : int
        Most signed binary digits that an integer weight of the sparse variants' conv1 may need:
        hardware makes wires and adders of that layer, an adder for each digit.
    """

    epochs: int = 30
    finetune_epochs: int = 4
    batch: int = 128
    peak_rate: float = 2e-3
    finetune_rate: float = 2e-4
    weight_decay: float = 0.02
    dropout: float = 0.5
    smoothing: float = 0.1
    distillation: float = 0.7
    temperature: float = 2.0
    unknown: int = 4500
    first_share: float = 1.0
    fade: float = 0.6
    last_share: float = 0.3
    versions: int = 4
    begin: float = 0.05
    end: float = 0.5
    regrow: float = 0.0
    boost_strength: float = 0.5
    softness: float = 0.0
    conv1_digits: int = 2


def learning_rate(progress: float, peak: float, warmup: float = 0.08) -> float:
    """Return the rate at a point from 0 to 1 of a stage: a short rise, then half a cosine to 0."""
    if progress < warmup:
        return peak * (0.05 + 0.95 * progress / warmup)
    return peak * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2


def winners_at(progress: float, recipe: Recipe, variant: str) -> dict[str, int]:
    """Return the winners of each k-WTA layer at a point of the float stage; empty without any.

    They fall geometrically, from all at `begin` to the final number at `end`; soft winners are that many at
    once.
    """
    part = 1.0 if recipe.softness else min(1.0, _settled(progress, recipe))
    final = zip(UNITS.items(), VARIANTS[variant].winners or (), strict=False)
    return {name: round(units * (k / units) ** part) for (name, units), k in final}


def softness_at(progress: float, recipe: Recipe) -> float:
    """Return the softness of winners at a point of the float stage: geometrically less, 0 from `end` on."""
    part = _settled(progress, recipe)
    return recipe.softness * SOFTNESS_LEFT**part if part < 1 else 0.0


def _settled(progress: float, recipe: Recipe) -> float:
    """Return how far on the way from `begin` to `end` a point of the float stage is, from 0."""
    return max(0.0, (progress - recipe.begin) / (recipe.end - recipe.begin))


def augmented_share(progress: float, recipe: Recipe) -> float:
    """Return the share of clips augmented at a point of the float stage: the first, then linearly less."""
    part = max(0.0, (progress - recipe.fade) / (1 - recipe.fade))
    return recipe.first_share + (recipe.last_share - recipe.first_share) * part
