"""Networks of the reference network's shape at any width and sparsity, untrained."""

import torch
from torch import nn

from compiler.nn import KWinners, KWinners2d, Normalize, RandomMask, sparsify

__all__ = ["SHAPE", "speech_like"]

SHAPE = 1, 32, 32


def speech_like(width: int, kept: float, active: float) -> nn.Sequential:
    """Build a network like the reference network, which is of width 64.

    Parameters
    ----------
    width : int
        Channels of both convolutions; the linear layers scale with it.
    kept : float
        Share of weights that are not zero, above 0, wherever chance puts them: in both convolutions and the
        first linear layer. The last layer is dense, as in the reference network.
    active : float
        Share of channels, and of units, that win; 1 for ReLU alone.

    Returns
    -------
    nn.Sequential
        The same weights each time, in evaluation mode.
    """
    torch.manual_seed(width)
    units = 1500 * width // 64
    layers = {
        "normalize": Normalize(mean=128, std=64),
        "conv1": nn.Conv2d(1, width, 5), "relu1": nn.ReLU(), "pool1": nn.MaxPool2d(2),
        "winners1": KWinners2d(_share(width, active)),
        "conv2": nn.Conv2d(width, width, 5), "relu2": nn.ReLU(), "pool2": nn.MaxPool2d(2),
        "winners2": KWinners2d(_share(width, active)),
        "flatten": nn.Flatten(), "linear1": nn.Linear(25 * width, units), "relu3": nn.ReLU(),
        "winners3": KWinners(_share(units, active)),
        "linear2": nn.Linear(units, 12),
    }  # fmt: skip
    model = nn.Sequential()
    for name, layer in layers.items():
        if active < 1 or not name.startswith("winners"):
            model.add_module(name, layer)
    inputs = {"conv1": 25, "conv2": 25 * width, "linear1": 25 * width}
    sparsify(model, {name: RandomMask(_share(count, kept)) for name, count in inputs.items()})
    return model.eval()


def _share(count: int, part: float) -> int:
    return max(1, round(count * part))
