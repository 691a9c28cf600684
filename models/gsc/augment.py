"""Change training clips the way rooms, speakers and microphones do; on log-mel pixels, by the batch."""

import torch
from torch.nn import functional

__all__ = ["add_noise", "augment", "draw_noise", "hide_bands", "mix_power", "warp"]

PIXELS_PER_NEPER = 9.89
"""Pixel units for a factor e in power: what the front end multiplies the logarithm by."""

MAX_TIME_SHIFT, MAX_MEL_SHIFT = 0.3, 0.03
"""Of half the picture: 4.8 of 32 columns (0.15 s) and half a mel row."""

MAX_TIME_STRETCH, MAX_MEL_STRETCH = 0.12, 0.06
MAX_GAIN = 16.0
"""In pixels: ±7 dB."""

FAINT, LOUD = 20.0, 190.0
"""Mean pixels: noise recordings below the first are mostly floor, noise above the second clips."""

QUIETEST_NOISE, LOUDEST_NOISE = -70.0, 15.0
"""Level of noise under a word, next to the word's own: the difference of their mean pixels."""


def augment(x: torch.Tensor, silent: torch.Tensor, noise: torch.Tensor, share: float = 1.0) -> torch.Tensor:
    """Warp, amplify, pollute and partly hide a batch of clips, each clip differently.

    Most clips that are silent are replaced by noise of any loudness: the recordings of the training
    set are nearly all faint, but silence is what has no word in it, however loud.

    Parameters
    ----------
    x : uint8[batch, 1, 32, 32]
    silent : bool[batch]
        Which clips are of the class "silence".
    noise : uint8[clips, 1, 32, 32]
        Recordings of background noise to draw from.
    share : float
        How many of the clips that are not silent are changed at all, from 0 to 1.

    Returns
    -------
    float32[batch, 1, 32, 32]
        From 0 to 255. Random numbers come from the global generator of `x`'s device.
    """
    clips = warp(x.float())
    gain = (torch.rand(len(x), 1, 1, 1, device=x.device) * 2 - 1) * MAX_GAIN
    replaced = silent & (torch.rand(len(x), device=x.device) < 0.8)
    any_level = torch.rand(len(x), 1, 1, 1, device=x.device) * LOUD
    clips = torch.where(replaced[:, None, None, None], draw_noise(noise, any_level), clips + gain)
    changed = hide_bands(add_noise(clips, noise)).clamp(0, 255)
    spared = ~silent & (torch.rand(len(x), device=x.device) >= share)
    return torch.where(spared[:, None, None, None], x.float(), changed)


def warp(x: torch.Tensor) -> torch.Tensor:
    """Shift and stretch float[batch, 1, mel, time] a little along both axes; edges are repeated."""
    stretch = torch.tensor([MAX_TIME_STRETCH, MAX_MEL_STRETCH], device=x.device)
    shift = torch.tensor([MAX_TIME_SHIFT, MAX_MEL_SHIFT], device=x.device)
    random = torch.rand(2, len(x), 2, device=x.device) * 2 - 1
    theta = torch.zeros(len(x), 2, 3, device=x.device)
    theta[:, [0, 1], [0, 1]] = 1 + random[0] * stretch
    theta[:, :, 2] = random[1] * shift
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def mix_power(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the pixels of the sum of two sounds whose powers add up."""
    return torch.logaddexp(x / PIXELS_PER_NEPER, y / PIXELS_PER_NEPER) * PIXELS_PER_NEPER


def draw_noise(noise: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Draw recordings and bring them to given levels.

    Parameters
    ----------
    noise : uint8[clips, 1, mel, time]
        Faint ones are passed over, if there are others.
    level : float[batch, 1, 1, 1]
        Mean pixels wanted.

    Returns
    -------
    float[batch, 1, mel, time]
        Turned around in time by a random amount.
    """
    means = noise.float().mean(dim=(1, 2, 3))
    usable = noise[means >= min(FAINT, float(means.max()))]
    drawn = usable[torch.randint(len(usable), (len(level),), device=noise.device)].float()
    drawn = drawn.roll(int(torch.randint(drawn.shape[-1], ())), dims=-1)
    return drawn + level - drawn.mean(dim=(1, 2, 3), keepdim=True)


def add_noise(x: torch.Tensor, noise: torch.Tensor, share: float = 0.6) -> torch.Tensor:
    """Mix recorded noise into a share of the clips, float[batch, 1, mel, time], at random levels."""
    relative = QUIETEST_NOISE + torch.rand(len(x), 1, 1, 1, device=x.device) * (
        LOUDEST_NOISE - QUIETEST_NOISE
    )
    drawn = draw_noise(noise, x.mean(dim=(1, 2, 3), keepdim=True) + relative)
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < share
    return torch.where(chosen, mix_power(x, drawn), x)


def hide_bands(x: torch.Tensor, widest: int = 5) -> torch.Tensor:
    """Overwrite one band of mel rows and one of time columns of each clip with the clip's mean.

    Bands are 0 to `widest` wide, so some clips keep everything (SpecAugment).
    """
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    hidden = torch.zeros_like(x, dtype=torch.bool)
    for axis in (2, 3):
        size = x.shape[axis]
        shape = [len(x), 1, 1, 1]
        width = torch.randint(widest + 1, shape, device=x.device)
        start = (torch.rand(shape, device=x.device) * (size + 1 - width)).long()
        place = torch.arange(size, device=x.device).reshape([size if a == axis else 1 for a in range(4)])
        hidden |= (place >= start) & (place < start + width)
    return torch.where(hidden, mean, x)
