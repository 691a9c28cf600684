"""The modules and tools to train networks that compile well: k-WTA, sparse masks, quantization.

Everything works on ordinary `torch.nn` models. `sparsify` before training, `quantize_aware` before
the last epochs, `round_biases` and `torch.save(model)` at the end.
"""

from compiler.nn.as_sequential import as_sequential
from compiler.nn.mask_rules import CurrentMask, DynamicMask, MaskRule, RandomMask
from compiler.nn.normalize import Normalize
from compiler.nn.pruning_rules import ComplementaryMask, MagnitudePruning
from compiler.nn.quantize_aware import quantize_aware
from compiler.nn.quantized_layers import FakeQuantize, QuantizedConv2d, QuantizedLinear
from compiler.nn.round_biases import round_biases
from compiler.nn.rounding import nearest_signed_digits, quantize_weight, weight_scale
from compiler.nn.sparsify import Sparsity, sparsify
from compiler.nn.winners import KWinners, KWinners2d

__all__ = [
    "ComplementaryMask",
    "CurrentMask",
    "DynamicMask",
    "FakeQuantize",
    "KWinners",
    "KWinners2d",
    "MagnitudePruning",
    "MaskRule",
    "Normalize",
    "QuantizedConv2d",
    "QuantizedLinear",
    "RandomMask",
    "Sparsity",
    "as_sequential",
    "nearest_signed_digits",
    "quantize_aware",
    "quantize_weight",
    "round_biases",
    "sparsify",
    "weight_scale",
]
