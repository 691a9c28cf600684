"""The reference network: a small CNN for the 12-class Google Speech Commands task."""

from dataclasses import dataclass

from torch import nn

from compiler.nn import (
    ComplementaryMask,
    KWinners,
    KWinners2d,
    MagnitudePruning,
    MaskRule,
    Normalize,
)

__all__ = [
    "CONV1",
    "CONV2",
    "LINEAR1",
    "LINEAR2",
    "UNITS",
    "VARIANTS",
    "Sparseness",
    "mask_rules",
    "network",
    "winner_layers",
]

CONV1, CONV2, LINEAR1, LINEAR2 = "conv1", "conv2", "linear1", "linear2"
"""Names of the layers with weights; all but the last become sparse."""

UNITS = {"winners1": 64, "winners2": 64, "winners3": 1500}
"""Channels at each of 14×14 and 5×5 pixels, and units, that the k-WTA layers choose from."""


@dataclass(frozen=True)
class Sparseness:
    """How little of the network is left; None leaves everything.

    Parameters
    ----------
    conv1_nonzeros : int
        Of the 25 weights of a filter.
    conv2_block, linear1_block : int
        Consecutive filters or units of which each input feeds one. Hardware lanes that own such a block
        never collide.
    winners : (int, int, int)
        That stay of each of `UNITS`.
    """

    conv1_nonzeros: int | None = None
    conv2_block: int | None = None
    linear1_block: int | None = None
    winners: tuple[int, int, int] | None = None


VARIANTS = {
    "dense": Sparseness(),
    "sparse_dense": Sparseness(12, 8, 25),
    "sparse_sparse": Sparseness(12, 8, 25, winners=(6, 6, 150)),
    "sparse_sparse_fast": Sparseness(6, 16, 25, winners=(4, 6, 150)),
}
"""Nothing sparse; sparse weights with ReLU; those and k-WTA; half of both ahead of linear1, for speed.

127,568 of 2,522,000 weights remain: on average 200 of 1,600 a filter of conv2, 64 of 1,600 a unit of
linear1. In the fast one 120,784 do.
"""


def network(variant: str, dropout: float = 0.0) -> nn.Sequential:
    """Build the untrained network.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`. Those without winners have the same layers: their difference is in the weights.
    dropout : float
        Probability ahead of the last layer; plays no part in evaluation.

    Returns
    -------
    nn.Sequential
        Maps uint8 or float[batch, 1, 32, 32] log-mel features (mel, time) to float[batch, 12] logits.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    winners = VARIANTS[variant].winners
    k1, k2, k3 = winners or UNITS.values()
    layers = {
        "normalize": Normalize(mean=128, std=64),
        "conv1": nn.Conv2d(1, 64, 5),
        "batchnorm1": nn.BatchNorm2d(64),
        "pool1": nn.MaxPool2d(2),
        "relu1": nn.ReLU(),  # behind the pool it is the same, on a quarter of the values
        "winners1": KWinners2d(k1),
        "conv2": nn.Conv2d(64, 64, 5),
        "batchnorm2": nn.BatchNorm2d(64),
        "pool2": nn.MaxPool2d(2),
        "relu2": nn.ReLU(),
        "winners2": KWinners2d(k2),
        "flatten": nn.Flatten(),
        "linear1": nn.Linear(1600, 1500),
        "batchnorm3": nn.BatchNorm1d(1500),
        "relu3": nn.ReLU(),
        "winners3": KWinners(k3),
        "dropout": nn.Dropout(dropout),
        "linear2": nn.Linear(1500, 12),
    }
    unwanted = set() if dropout else {"dropout"}
    if winners is None:
        unwanted |= set(UNITS)
    model = nn.Sequential()
    for name, layer in layers.items():
        if name not in unwanted:
            model.add_module(name, layer)
    return model


def mask_rules(variant: str, begin: int, end: int, regrow_until: int = 0) -> dict[str, MaskRule]:
    """Return what makes the weights of a variant sparse; empty for the dense one.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`.
    begin, end : int
        Optimizer steps between which the masks thin out.
    regrow_until : int
        Step until which inputs of conv2 and linear1 still change units; by default masks are frozen at
        `end`.
    """
    left = VARIANTS[variant]
    if left.conv1_nonzeros is None:
        return {}
    return {
        CONV1: MagnitudePruning(left.conv1_nonzeros, begin=begin, end=end),
        CONV2: ComplementaryMask(left.conv2_block, begin=begin, end=end, regrow_until=regrow_until),
        LINEAR1: ComplementaryMask(left.linear1_block, begin=begin, end=end, regrow_until=regrow_until),
    }


def winner_layers(model: nn.Sequential) -> dict[str, KWinners | KWinners2d]:
    """Return the k-WTA layers of a model by name; empty for the dense variants."""
    return {n: m for n, m in model.named_children() if isinstance(m, KWinners | KWinners2d)}
