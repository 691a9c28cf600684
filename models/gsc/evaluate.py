"""How good a network is: accuracy by class, how few winners and weights it uses."""

import torch
from torch import nn

from models.gsc.data import LABELS, Split

__all__ = ["accuracy", "confusion", "logits", "nonzero_weights"]


@torch.no_grad()
def logits(model: nn.Module, x: torch.Tensor, batch: int = 256) -> torch.Tensor:
    """Return float32[clips, 12] in evaluation mode; the model's mode is left as it was."""
    training = model.training
    model.eval()
    result = torch.cat([model(part.float()).float() for part in x.split(batch)])
    model.train(training)
    return result


def confusion(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return int64[12, 12]: clips by true class (row) and first class of highest score (column)."""
    cells = labels * len(LABELS) + scores.argmax(dim=1)
    return cells.bincount(minlength=len(LABELS) ** 2).reshape(len(LABELS), len(LABELS)).cpu()


def accuracy(model: nn.Module, split: Split) -> dict[str, float]:
    """Return "plain", the share of clips that are right, and "balanced", its mean over classes."""
    counts = confusion(logits(model, split.x), split.y)
    right = counts.diagonal()
    return {
        "plain": float(right.sum() / counts.sum()),
        "balanced": float((right / counts.sum(dim=1).clamp(min=1)).mean()),
    }


def nonzero_weights(model: nn.Module) -> dict[str, int]:
    """Return the nonzero weights of each Conv2d and Linear by name."""
    layers = {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    return {name: int((layer.weight != 0).sum()) for name, layer in layers.items()}
