"""Learn from a trained network: what it would answer without rounding, and a loss that listens to it."""

import torch
from torch import nn
from torch.nn import functional

from compiler.nn import FakeQuantize, QuantizedConv2d, QuantizedLinear
from models.gsc.recipe import Recipe

__all__ = ["in_float", "loss_of", "training_precision"]


def training_precision(device: torch.device) -> torch.autocast:
    """Return the context of forward passes in training: 16 bits where they are native.

    A processor that emulates them takes eight times as long.
    """
    native = device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def loss_of(
    scores: torch.Tensor, y: torch.Tensor, target: torch.Tensor | None, recipe: Recipe
) -> torch.Tensor:
    """Return the loss of one batch.

    Parameters
    ----------
    scores : float32[batch, 12]
    y : int64[batch]
    target : float32[batch, 12] or None
        What the teacher says, if there is one.
    recipe : Recipe
    """
    hard = functional.cross_entropy(scores, y, label_smoothing=recipe.smoothing)
    if target is None:
        return hard
    heat, share = recipe.temperature, recipe.distillation
    hoped, found = (target / heat).softmax(1), (scores / heat).log_softmax(1)
    soft = functional.kl_div(found, hoped, reduction="batchmean")
    return (1 - share) * hard + share * heat**2 * soft


def in_float(trained: nn.Sequential) -> nn.Sequential:
    """Return a checkpoint in evaluation mode without its quantizers, whose rounding teaches nothing.

    Weights keep their rounded values in ordinary layers: quantized ones sum exactly, in 64 bits, which
    on a CPU takes twice as long as all the rest of a training step.
    """
    layers = [_plain(layer) for layer in trained if not isinstance(layer, FakeQuantize)]
    return nn.Sequential(*layers).eval().to(memory_format=torch.channels_last)


def _plain(layer: nn.Module) -> nn.Module:
    """Return an ordinary layer that has the values of a quantized one; others as they are."""
    if isinstance(layer, QuantizedConv2d):
        plain = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size)
    elif isinstance(layer, QuantizedLinear):
        plain = nn.Linear(layer.in_features, layer.out_features)
    else:
        return layer
    plain.load_state_dict({"weight": layer.quantized_weight().detach(), "bias": layer.bias.detach()})
    return plain.to(layer.weight.device)
