"""Turn a trained float model into one that computes with integers, ready for fine-tuning."""

import copy
from collections.abc import Collection

import torch
from torch import nn

from compiler.nn.as_sequential import as_sequential
from compiler.nn.normalize import Normalize
from compiler.nn.quantized_layers import FakeQuantize, QuantizedConv2d, QuantizedLinear

__all__ = ["quantize_aware"]


def quantize_aware(
    model: nn.Module,
    *,
    weight_bits: int = 8,
    activation_bits: int = 8,
    signed_digits: dict[str, int] | None = None,
    free_scales: bool | Collection[str] = False,
    calibration_batches: int = 20,
) -> nn.Sequential:
    """Fold batch normalization, quantize weights, and put quantizers between the layers.

    Parameters
    ----------
    model : nn.Module
        A chain of `torch.nn` and `compiler.nn` layers, see :func:`as_sequential`; not changed. BatchNorm
        must directly follow a Conv2d or Linear; Dropout is dropped.
    weight_bits, activation_bits : int
        Widths of all weights and of all activations.
    signed_digits : dict, optional
        Layer name → most signed binary digits a weight of it may need.
    free_scales : bool or collection of str
        The layers, or all, whose weights get the unit `m / 2**f` that suits them best. In hardware that is
        a multiplier in each lane of the requantizer behind them; the others have a power of two and none.
    calibration_batches : int
        Training batches from which each quantizer chooses its scale before freezing it.

    Returns
    -------
    nn.Sequential
        With the names of :func:`as_sequential`. QuantizedConv2d and QuantizedLinear hold the folded
        weights (a zero stays zero); a signed FakeQuantize stands behind Normalize, or first without one,
        an unsigned one behind each ReLU and so ahead of pooling and k-WTA, a signed one behind a Conv2d
        or Linear that no ReLU follows. The last layer's output is not rounded. In training mode;
        fine-tune it, then call `eval()`.
    """
    model = as_sequential(model)
    digits, free = signed_digits or {}, _free_layers(model, free_scales)
    _check_names(model, "signed_digits", digits)
    _check_names(model, "free_scales", free)
    unrectified = _unrectified(model)
    quantizer = {"width": activation_bits, "calibration_batches": calibration_batches}
    result, behind = nn.Sequential(), None
    if not isinstance(model[0], Normalize):
        result.add_module("quantize_input", FakeQuantize(signed=True, **quantizer))
    for name, layer in model._modules.items():
        if isinstance(layer, nn.Dropout | nn.Dropout1d | nn.Dropout2d):
            continue
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            if not _has_weights(behind):
                found = type(behind).__name__
                raise ValueError(f"{name} must directly follow a Conv2d or Linear, not a {found}")
            _fold(behind, layer)
            behind = layer
            continue
        behind = _quantized(layer, weight_bits, digits.get(name), name in free)
        result.add_module(name, behind)
        if isinstance(layer, Normalize | nn.ReLU) or name in unrectified:
            signed = not isinstance(layer, nn.ReLU)
            result.add_module(f"quantize_{name}", FakeQuantize(signed=signed, **quantizer))
    return result.train()


def _unrectified(model: nn.Sequential) -> set[str]:
    """Return the names of layers with weights that another one reads without a ReLU in between."""
    found, open_layer = set(), None
    for name, layer in model._modules.items():
        if _has_weights(layer):
            found |= {open_layer} - {None}
            open_layer = name
        elif isinstance(layer, nn.ReLU):
            open_layer = None
    return found


def _free_layers(model: nn.Sequential, free_scales: bool | Collection[str]) -> Collection[str]:
    """Return the names of the layers that get a free scale."""
    if not isinstance(free_scales, bool):
        return {free_scales} if isinstance(free_scales, str) else free_scales
    return [name for name, layer in model._modules.items() if free_scales and _has_weights(layer)]


def _has_weights(layer: nn.Module | None) -> bool:
    return isinstance(layer, nn.Conv2d | nn.Linear)


def _check_names(model: nn.Sequential, option: str, names: Collection[str]) -> None:
    """Refuse names that would have no effect."""
    layers = model._modules
    for name in names:
        if not _has_weights(layers.get(name)):
            raise ValueError(f"{option} names {name!r}, which is no Conv2d or Linear of the model")


def _quantized(
    layer: nn.Module, weight_bits: int, signed_digits: int | None, free_scale: bool
) -> nn.Module:
    """Return the quantized counterpart of a layer, or a copy of it if it has no weights."""
    options = {"weight_bits": weight_bits, "signed_digits": signed_digits, "free_scale": free_scale}
    if isinstance(layer, nn.Conv2d):
        result = QuantizedConv2d(
            layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
            layer.dilation, layer.groups, padding_mode=layer.padding_mode, **options,
        )  # fmt: skip
    elif isinstance(layer, nn.Linear):
        result = QuantizedLinear(layer.in_features, layer.out_features, **options)
    else:
        return copy.deepcopy(layer)
    with torch.no_grad():
        result.weight.copy_(layer.weight)
        result.bias.zero_() if layer.bias is None else result.bias.copy_(layer.bias)
    return result.to(layer.weight.device)


@torch.no_grad()
def _fold(layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Scale weights and shift biases of `layer` in place so that it does what `norm` did behind it."""
    scale = (norm.running_var + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight
    layer.weight.mul_(scale.reshape(-1, *[1] * (layer.weight.ndim - 1)))
    layer.bias.sub_(norm.running_mean).mul_(scale)
    if norm.affine:
        layer.bias.add_(norm.bias)
