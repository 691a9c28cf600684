"""The first layer of a model that takes raw features."""

import torch
from torch import nn

__all__ = ["Normalize"]


class Normalize(nn.Module):
    """`(x - mean) / std`, so that a checkpoint carries the normalization of its features.

    The compiler does not build it in hardware: it becomes part of the host's input quantizer. With
    `mean` 128 and a power of two as `std`, that quantizer is exact for uint8 features.

    Parameters
    ----------
    mean, std : float
        In the units of the features, such as 0 to 255; `std` is positive.
    """

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        if not std > 0:
            raise ValueError(f"std must be positive, not {std!r}")
        self.mean = float(mean)
        self.std = float(std)

    def extra_repr(self) -> str:
        """Describe the settings, as `print(model)` shows them."""
        return f"mean={self.mean:g}, std={self.std:g}"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map uint8 or float[batch, ...] to float of the same shape."""
        return (x - self.mean) / self.std
