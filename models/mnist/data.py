"""The digits on disk, and small changes that keep them what they are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

__all__ = ["Split", "load_split", "warp"]

VALIDATION = 5000
"""Digits at the end of the training set that are kept for validation."""

PARTS = {
    "train": ("train", slice(None, -VALIDATION)),
    "val": ("train", slice(-VALIDATION, None)),
    "test": ("test", slice(None)),
}
"""Split → array prefix and the digits of it."""

MAX_SHIFT, MAX_SHEAR = 0.1, 0.15
"""Of half the picture, 1.4 of 28 pixels; and of the picture's matrix of stretch, shear and rotation."""


@dataclass(frozen=True)
class Split:
    """Digits and labels: `x` is uint8[digits, 1, 28, 28], `y` is int64[digits]."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self) -> int:
        return len(self.y)


def load_split(file: Path, name: str) -> Split:
    """Read one split.

    Parameters
    ----------
    file : Path
        An `.npz` with `train_x`, `test_x` uint8[digits, 28, 28] and `train_y`, `test_y`, in the
        original order.
    name : str
        "train", "val" or "test".
    """
    if name not in PARTS:
        raise ValueError(f"split must be one of {', '.join(PARTS)}, not {name!r}")
    prefix, part = PARTS[name]
    with np.load(file) as arrays:
        x, y = arrays[prefix + "_x"][part], arrays[prefix + "_y"][part]
    return Split(torch.from_numpy(x).unsqueeze(1), torch.from_numpy(y).long())


def warp(x: torch.Tensor) -> torch.Tensor:
    """Shift, stretch, shear and turn each digit of uint8[batch, 1, 28, 28] a little; returns float32."""
    theta = torch.eye(2, 3) + (torch.rand(len(x), 2, 3) * 2 - 1) * MAX_SHEAR
    theta[:, :, 2] *= MAX_SHIFT / MAX_SHEAR
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x.float(), grid, align_corners=False)
