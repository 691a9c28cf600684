"""Which weights of a layer may be nonzero: masks as pure functions of shape, values and counts.

A weight tensor is seen as a matrix: one row an output unit, one column an input (for a Conv2d every
(channel, row, column) of the kernel is an input of its own). A *block* is a run of consecutive units.
"""

import torch

__all__ = ["complementary_random_mask", "largest_per_input", "largest_per_unit", "random_mask"]


def random_mask(shape: torch.Size, nonzeros: int, generator: torch.Generator) -> torch.Tensor:
    """Draw `nonzeros` inputs for each unit.

    Returns
    -------
    bool[shape]
        True in exactly `nonzeros` places of each unit.
    """
    units, inputs = shape[0], shape[1:].numel()
    keys = torch.rand(units, inputs, generator=generator)
    return largest_per_unit(keys, nonzeros).reshape(shape)


def complementary_random_mask(shape: torch.Size, block: int, generator: torch.Generator) -> torch.Tensor:
    """Deal every input to one unit of each block, at random and evenly.

    Returns
    -------
    bool[shape]
        For each input and block, True for exactly one unit. Within a block units have the same
        number of inputs, or differ by one where `block` does not divide the inputs.
    """
    units, inputs = shape[0], shape[1:].numel()
    mask = torch.zeros(units // block, block, inputs, dtype=torch.bool)
    for group in mask:
        group[torch.randperm(inputs, generator=generator) % block, torch.arange(inputs)] = True
    return mask.reshape(shape)


def largest_per_unit(score: torch.Tensor, count: int) -> torch.Tensor:
    """Mark the `count` largest inputs of each unit.

    Parameters
    ----------
    score : float[units, ...]
    count : int
        From 0; more than there are inputs marks all.

    Returns
    -------
    bool[units, ...]
    """
    rows = score.flatten(1)
    indices = rows.topk(min(count, rows.shape[1]), dim=1).indices
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, indices, True).reshape(score.shape)


def largest_per_input(score: torch.Tensor, block: int, count: int) -> torch.Tensor:
    """Mark, for each input and block, the `count` units that score highest.

    Parameters
    ----------
    score : float[units, ...]
    block : int
        Units in a block; divides the units.
    count : int
        Units marked, from 1 to `block`.

    Returns
    -------
    bool[units, ...]
    """
    grouped = score.reshape(-1, block, score.shape[1:].numel())
    indices = grouped.topk(count, dim=1).indices
    return torch.zeros_like(grouped, dtype=torch.bool).scatter_(1, indices, True).reshape(score.shape)
