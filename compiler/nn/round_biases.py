"""The last step of training with integers: biases that an accumulator can hold."""

import torch
from torch import nn

from compiler.nn.quantized_layers import FakeQuantize, QuantizedConv2d, QuantizedLinear

__all__ = ["round_biases"]

_FLOAT32_BITS = 24
"""Bits of a whole number that a float32 holds."""


@torch.no_grad()
def round_biases(model: nn.Sequential) -> None:
    """Round each bias to the unit of its layer's accumulator, in place.

    The unit is that of the layer's weights times that of the quantizer ahead of it: `m / 2**f`, `m`
    being 1 unless the layer has a free scale. Call it once fine-tuning has ended, before measuring
    accuracy and saving: the compiler rounds biases the same way, so from then on the model computes
    what the hardware does, bit for bit.

    Parameters
    ----------
    model : nn.Sequential
        What `quantize_aware` returned, trained.

    Rounding
    --------
    Half toward plus infinity; a bias that then needs more bits than a float32 has drops the last ones.
    """
    input_bits = None
    for name, layer in model.named_children():
        if isinstance(layer, FakeQuantize):
            input_bits = layer.fraction_bits
        elif isinstance(layer, QuantizedConv2d | QuantizedLinear) and layer.bias is not None:
            if input_bits is None:
                raise ValueError(f"{name} must have a FakeQuantize ahead of it; call quantize_aware first")
            multiplier, weight_bits = layer.weight_scale()
            layer.bias.copy_(_rounded(layer.bias, multiplier, input_bits + weight_bits))


def _rounded(bias: torch.Tensor, multiplier: int, fraction_bits: int) -> torch.Tensor:
    """Return float64 multiples of `multiplier / 2**fraction_bits` that are float32 numbers, too."""
    divisor = torch.tensor(multiplier, dtype=torch.float64, device=bias.device)
    codes = (bias.double() * 2.0**fraction_bits / divisor + 0.5).floor()
    excess = torch.frexp(codes * divisor).exponent - _FLOAT32_BITS
    grid = 2.0 ** excess.clamp(min=0).double()
    return (codes / grid).trunc() * grid * divisor * 2.0**-fraction_bits
