"""The reference network: a small CNN for the 12-class Google Speech Commands task."""

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
    "K",
    "LINEAR1",
    "LINEAR2",
    "VARIANTS",
    "mask_rules",
    "network",
    "winner_layers",
]

VARIANTS = ("dense", "sparse_dense", "sparse_sparse")
"""Nothing sparse; sparse weights with ReLU; sparse weights and k-winner-take-all."""

CONV1, CONV2, LINEAR1, LINEAR2 = "conv1", "conv2", "linear1", "linear2"
"""Names of the layers with weights; all but the last become sparse."""

K = {"winners1": 6, "winners2": 6, "winners3": 150}
"""Winners: of 64 channels at each of 14×14 and 5×5 pixels, and of 1,500 units."""


def network(variant: str, dropout: float = 0.0) -> nn.Sequential:
    """Build the untrained network.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`. The first two have the same layers: their difference is in the weights.
    dropout : float
        Probability ahead of the last layer; plays no part in evaluation.

    Returns
    -------
    nn.Sequential
        Maps uint8 or float[batch, 1, 32, 32] log-mel features (mel, time) to float[batch, 12] logits.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    layers = {
        "normalize": Normalize(mean=128, std=64),
        "conv1": nn.Conv2d(1, 64, 5),
        "batchnorm1": nn.BatchNorm2d(64),
        "pool1": nn.MaxPool2d(2),
        "relu1": nn.ReLU(),  # behind the pool it is the same, on a quarter of the values
        "winners1": KWinners2d(K["winners1"]),
        "conv2": nn.Conv2d(64, 64, 5),
        "batchnorm2": nn.BatchNorm2d(64),
        "pool2": nn.MaxPool2d(2),
        "relu2": nn.ReLU(),
        "winners2": KWinners2d(K["winners2"]),
        "flatten": nn.Flatten(),
        "linear1": nn.Linear(1600, 1500),
        "batchnorm3": nn.BatchNorm1d(1500),
        "relu3": nn.ReLU(),
        "winners3": KWinners(K["winners3"]),
        "dropout": nn.Dropout(dropout),
        "linear2": nn.Linear(1500, 12),
    }
    unwanted = {"dropout"} if not dropout else set()
    if variant != "sparse_sparse":
        unwanted |= set(K)
    model = nn.Sequential()
    for name, layer in layers.items():
        if name not in unwanted:
            model.add_module(name, layer)
    return model


def mask_rules(begin: int, end: int) -> dict[str, MaskRule]:
    """Return what makes the weights sparse: 127,568 of 2,522,000 remain.

    Parameters
    ----------
    begin, end : int
        Optimizer steps between which the masks thin out; after `end` they are frozen.

    Returns
    -------
    dict
        conv1 keeps 12 of 25 weights a filter. In conv2 each input feeds one filter of each 8
        consecutive ones, in linear1 one unit of each 25: on average 200 of 1,600 a filter and 64 of
        1,600 a unit. Hardware lanes that own such a block never collide.
    """
    return {
        CONV1: MagnitudePruning(12, begin=begin, end=end),
        CONV2: ComplementaryMask(8, begin=begin, end=end),
        LINEAR1: ComplementaryMask(25, begin=begin, end=end),
    }


def winner_layers(model: nn.Sequential) -> dict[str, KWinners | KWinners2d]:
    """Return the k-WTA layers of a model by name; empty for the dense variants."""
    return {n: m for n, m in model.named_children() if isinstance(m, KWinners | KWinners2d)}
