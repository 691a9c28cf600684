"""The last step of training with integers: biases that an accumulator can hold."""

import torch
from torch import nn

from compiler.nn.quantized_layers import FakeQuantize, QuantizedConv2d, QuantizedLinear
from compiler.nn.rounding import weight_fraction_bits

__all__ = ["round_biases"]


@torch.no_grad()
def round_biases(model: nn.Sequential) -> None:
    """Round each bias to the unit of its layer's accumulator, in place.

    The unit is `2**-f`, `f` being the fraction bits of the layer's weights plus those of the
    quantizer ahead of it. Call it once fine-tuning has ended, before measuring accuracy and saving:
    the compiler rounds biases the same way, so from then on the model computes what the hardware
    does, bit for bit.

    Parameters
    ----------
    model : nn.Sequential
        What `quantize_aware` returned, trained.

    Rounding
    --------
    Half toward plus infinity.
    """
    input_bits = None
    for name, layer in model.named_children():
        if isinstance(layer, FakeQuantize):
            input_bits = layer.fraction_bits
        elif isinstance(layer, QuantizedConv2d | QuantizedLinear):
            if input_bits is None:
                raise ValueError(f"{name} must have a FakeQuantize ahead of it; call quantize_aware first")
            largest = float(layer.weight.abs().max())
            unit = 2.0 ** -(input_bits + weight_fraction_bits(largest, layer.weight_bits))
            layer.bias.copy_(torch.floor(layer.bias.double() / unit + 0.5) * unit)
