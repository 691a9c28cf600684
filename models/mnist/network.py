"""A small sparse-sparse CNN for handwritten digits."""

from torch import nn

from compiler.nn import (
    ComplementaryMask,
    KWinners,
    KWinners2d,
    MagnitudePruning,
    MaskRule,
    Normalize,
)

__all__ = ["K", "mask_rules", "network"]

K = {"winners1": 3, "winners2": 4, "winners3": 13}
"""Winners: of 16 channels at each of 12×12 pixels, of 32 at each of 4×4, and of 128 units."""


def network() -> nn.Sequential:
    """Build the untrained network.

    Returns
    -------
    nn.Sequential
        Maps uint8 or float[batch, 1, 28, 28] pixels from 0 to 255 to float[batch, 10] logits.
    """
    model = nn.Sequential()
    for name, layer in {
        "normalize": Normalize(mean=0, std=128),
        "conv1": nn.Conv2d(1, 16, 5),
        "batchnorm1": nn.BatchNorm2d(16),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "winners1": KWinners2d(K["winners1"]),
        "conv2": nn.Conv2d(16, 32, 5),
        "batchnorm2": nn.BatchNorm2d(32),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "winners2": KWinners2d(K["winners2"]),
        "flatten": nn.Flatten(),
        "linear1": nn.Linear(512, 128),
        "batchnorm3": nn.BatchNorm1d(128),
        "relu3": nn.ReLU(),
        "winners3": KWinners(K["winners3"]),
        "linear2": nn.Linear(128, 10),
    }.items():
        model.add_module(name, layer)
    return model


def mask_rules(end: int) -> dict[str, MaskRule]:
    """Return what makes the weights sparse: 7,216 of 80,016 remain.

    Parameters
    ----------
    end : int
        Optimizer step until which the masks thin out; then they are frozen.

    Returns
    -------
    dict
        conv1 keeps 15 of 25 weights a filter. In conv2 each input feeds one filter of each 8
        consecutive ones, in linear1 one unit of each 16: lanes that own such a block never collide.
    """
    return {
        "conv1": MagnitudePruning(15, end=end),
        "conv2": ComplementaryMask(8, end=end),
        "linear1": ComplementaryMask(16, end=end),
    }
