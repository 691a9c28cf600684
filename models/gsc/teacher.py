"""Turn a checkpoint into a teacher: what it would answer without rounding, and fast."""

import torch
from torch import nn

from compiler.nn import FakeQuantize, QuantizedConv2d, QuantizedLinear

__all__ = ["in_float"]


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
