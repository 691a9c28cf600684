"""The packed speech features: what is on disk, and batches of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

__all__ = ["LABELS", "SILENCE", "UNKNOWN", "Split", "batches", "load_split"]

LABELS = ("silence", "unknown", "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
SILENCE, UNKNOWN = 0, 1

SILENCE_REPEATS = 4
"""How often an epoch sees each clip of silence: there are few, a quarter of what a word has."""

FILES = {
    "train": ("gsc12_logmel32.npz", "train_"),
    "val": ("gsc12_logmel32.npz", "val_"),
    "devtest": ("gsc12_devtest.npz", ""),
}
"""Split → file and the prefix of its arrays."""


@dataclass(frozen=True)
class Split:
    """Features and labels of one split.

    `x` is uint8[clips, 1, 32, 32], log-mel as (channel, mel, time); `y` is int64[clips].
    """

    x: torch.Tensor
    y: torch.Tensor

    def to(self, device: torch.device) -> "Split":
        """Return the split on another device."""
        return Split(self.x.to(device), self.y.to(device))

    def __len__(self) -> int:
        return len(self.y)


def load_split(directory: Path, name: str) -> Split:
    """Read one split.

    Parameters
    ----------
    directory : Path
        Where `gsc12_logmel32.npz` (train, val) and `gsc12_devtest.npz` (devtest) are.
    name : str
        "train", "val" or "devtest".
    """
    if name not in FILES:
        raise ValueError(f"split must be one of {', '.join(FILES)}, not {name!r}")
    file, prefix = FILES[name]
    with np.load(directory / file) as arrays:
        x, y = arrays[prefix + "x"], arrays[prefix + "y"]
    return Split(torch.from_numpy(x).unsqueeze(1), torch.from_numpy(y).long())


def batches(
    split: Split, size: int, generator: torch.Generator, unknown: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield one shuffled epoch; an incomplete last batch is dropped.

    Parameters
    ----------
    split : Split
    size : int
        Clips a batch.
    generator : torch.Generator
        Source of the order; lives on the CPU.
    unknown : int
        How many clips of the class "unknown", drawn anew each epoch; it is over-represented on disk.

    Yields
    ------
    uint8[size, 1, 32, 32], int64[size]
    """
    labels = split.y.cpu()
    silences, unknowns = (labels == SILENCE).nonzero().flatten(), (labels == UNKNOWN).nonzero().flatten()
    words = (labels > UNKNOWN).nonzero().flatten()
    drawn = unknowns[torch.randperm(len(unknowns), generator=generator)[:unknown]]
    pool = torch.cat([words, drawn, silences.repeat(SILENCE_REPEATS)])
    order = pool[torch.randperm(len(pool), generator=generator)].to(split.y.device)
    for indices in order.split(size):
        if len(indices) == size:
            yield split.x[indices], split.y[indices]
