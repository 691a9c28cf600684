"""Train behind a first stage that is held as it is: what it answers is computed once, not in every step."""

import torch
from torch import nn

from models.gsc.augment import augment
from models.gsc.data import SILENCE, Split
from models.gsc.network import CONV2
from models.gsc.teacher import training_precision

__all__ = ["HeldStage", "behind_held_stage"]

PART = 256
"""Clips that are computed at a time."""


def behind_held_stage(model: nn.Sequential) -> int:
    """Return the place of conv2 in a model: all ahead of it can be held."""
    return list(dict(model.named_children())).index(CONV2)


class HeldStage:
    """What conv1 and its winners answer to every clip as it is and to several augmented versions of it.

    Winners are stored as 8-bit codes, and with them what the teacher says to the same clip.

    Parameters
    ----------
    model : nn.Sequential
        Its layers ahead of conv2 are held.
    unit : float
        Of the codes.
    teacher : nn.Sequential
    split : Split
        The clips.
    versions : int
        Augmented ones of each clip.
    seed : int
        Of the augmentation: the same stage is there again when a run is resumed.
    """

    def __init__(
        self,
        model: nn.Sequential,
        unit: float,
        teacher: nn.Sequential,
        split: Split,
        versions: int,
        seed: int,
    ) -> None:
        self.stage = model[: behind_held_stage(model)].eval()
        self.unit, self.teacher = unit, teacher
        noise = split.x[split.y == SILENCE]
        parts = [slice(start, start + PART) for start in range(0, len(split), PART)]
        answers = [self._answers(split.x[part].float()) for part in parts]
        codes, targets = (torch.cat(parts) for parts in zip(*answers, strict=True))
        self.codes, self.targets = (t.repeat(1 + versions, *[1] * t.ndim) for t in (codes, targets))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for version in range(1, 1 + versions):
                for part in parts:
                    clips = augment(split.x[part], split.y[part] == SILENCE, noise)
                    self.codes[version, part], self.targets[version, part] = self._answers(clips)

    @torch.no_grad()
    def _answers(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the codes of the stage's winners, uint8 with channels last, and the teacher's."""
        x = x.contiguous(memory_format=torch.channels_last)
        with training_precision(x.device):
            values, targets = self.stage(x), self.teacher(x)
        codes = (values.float() / self.unit).round().clamp(0, 255).to(torch.uint8)
        return codes.movedim(1, -1), targets.float()

    def plain(self) -> torch.Tensor:
        """Return what conv2 reads of all clips as they are, float32[clips, channels, height, width]."""
        return self.codes[0].movedim(-1, 1) * self.unit

    def draw(
        self, clips: torch.Tensor, silent: torch.Tensor, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what conv2 reads, float[batch, channels, height, width], and what the teacher says.

        Parameters
        ----------
        clips : int64[batch]
            Numbers within the split.
        silent : bool[batch]
            Which are of the class "silence": those are always augmented.
        share : float
            How many of the others are, from 0 to 1.
        """
        augmented = silent | (torch.rand(len(clips), device=clips.device) < share)
        drawn = torch.randint(1, len(self.codes), clips.shape, device=clips.device)
        version = torch.where(augmented, drawn, 0)
        return self.codes[version, clips].movedim(-1, 1) * self.unit, self.targets[version, clips]
