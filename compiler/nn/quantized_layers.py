"""Layers with integer weights, and the quantizer that stands between them."""

import torch
from torch import nn
from torch.nn import functional

from compiler.nn.rounding import MOST_BITS_WITH_FREE_SCALE, quantize, quantize_weight, weight_scale

__all__ = ["FakeQuantize", "QuantizedConv2d", "QuantizedLinear"]

FRACTION_BITS = range(-8, 17)
"""Fraction bits that calibration chooses from."""


class FakeQuantize(nn.Module):
    """Round activations to a fixed-point format with a power-of-two scale.

    Forward computes `clamp(floor(x · 2**f + 0.5), min, max) / 2**f` with `f = fraction_bits`; the
    gradient is straight-through, 0 where the value saturates. In evaluation it computes in float64,
    which holds any accumulator exactly. The first `calibration_batches` batches seen in training mode
    choose `fraction_bits` by least squared error; then it is frozen.

    Parameters
    ----------
    width : int
        Bits of a code, from 2 to 16.
    fraction_bits : int
        Power of the scale; where calibration starts, if there is any.
    signed : bool
        Whether codes may be negative. Behind a ReLU they need not.
    calibration_batches : int
        Batches left to observe; 0 keeps `fraction_bits`.
    """

    def __init__(
        self, width: int = 8, fraction_bits: int = 0, signed: bool = False, calibration_batches: int = 0
    ) -> None:
        super().__init__()
        if not 2 <= width <= 16:
            raise ValueError(f"width must be from 2 to 16, not {width!r}")
        self.width = width
        self.fraction_bits = fraction_bits
        self.signed = signed
        self.calibration_batches = calibration_batches
        self.register_buffer("squared_error", torch.zeros(len(FRACTION_BITS)), persistent=False)

    def extra_repr(self) -> str:
        """Describe the format, as `print(model)` shows it."""
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction_bits}"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float[...] to float32 of the same shape."""
        x = x.float() if self.training else x.double()
        if self.training and self.calibration_batches > 0:
            self._calibrate(x.detach())
        return quantize(x, self.width, self.fraction_bits, self.signed).float()

    def _calibrate(self, x: torch.Tensor) -> None:
        """Add one batch to the error of each candidate and take the best so far."""
        errors = [(quantize(x, self.width, bits, self.signed) - x).square().mean() for bits in FRACTION_BITS]
        self.squared_error += torch.stack(errors)
        self.fraction_bits = FRACTION_BITS[int(self.squared_error.argmin())]
        self.calibration_batches -= 1


class _IntegerWeight(nn.Module):
    """What both layers share: the settings of a weight, and the integers that follow from it."""

    free_scale = False
    """Of layers that were saved before there was a choice."""

    def _set_format(self, weight_bits: int, signed_digits: int | None, free_scale: bool) -> None:
        """Take the settings over."""
        if free_scale and weight_bits > MOST_BITS_WITH_FREE_SCALE:
            most = f"at most {MOST_BITS_WITH_FREE_SCALE} with a free scale"
            raise ValueError(f"weight_bits must be {most}, not {weight_bits!r}")
        self.weight_bits = weight_bits
        self.signed_digits = signed_digits
        self.free_scale = free_scale

    def weight_scale(self) -> tuple[int, int]:
        """Return (multiplier, fraction bits): one unit of a weight is `multiplier / 2**fraction_bits`."""
        largest = float(self.weight.detach().abs().max())
        return weight_scale(largest, self.weight_bits, self.signed_digits, self.free_scale)

    def quantized_weight(self) -> torch.Tensor:
        """Return the weights that are used, float32 in the shape of `weight`."""
        return quantize_weight(self.weight.float(), self.weight_bits, self.signed_digits, self.free_scale)

    def _operands(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return input, weight and bias: float32 in training, else float64, whose sums are exact."""
        weight, bias = self.quantized_weight(), self.bias
        if self.training:
            return x, weight, bias
        return x.double(), weight.double(), None if bias is None else bias.double()


class QuantizedConv2d(_IntegerWeight, nn.Conv2d):
    """A Conv2d whose forward uses integer weights, `weight` being the master they are rounded from.

    The rule is :func:`compiler.nn.quantize_weight`: one scale, symmetric codes, half up, zero stays
    zero. In evaluation the result is float64 and exact: the accumulator of the hardware times its unit.

    Parameters
    ----------
    *args, **kwargs
        As for `nn.Conv2d`.
    weight_bits : int
        Bits of a weight, sign included.
    signed_digits : int, optional
        Most signed binary digits a weight may need; None sets no limit. May be assigned at any time.
    free_scale : bool
        Whether the unit of a weight may be `m / 2**f` instead of a power of two. Weights then use their
        codes to the full, and the requantizer behind the layer has a multiplier.
    """

    def __init__(
        self,
        *args,
        weight_bits: int = 8,
        signed_digits: int | None = None,
        free_scale: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._set_format(weight_bits, signed_digits, free_scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Correlate float[batch, channels, height, width] with the integer weights."""
        return self._conv_forward(*self._operands(x))


class QuantizedLinear(_IntegerWeight, nn.Linear):
    """A Linear whose forward uses integer weights; see :class:`QuantizedConv2d`.

    Parameters
    ----------
    *args, **kwargs
        As for `nn.Linear`.
    weight_bits, signed_digits, free_scale
        As for :class:`QuantizedConv2d`.
    """

    def __init__(
        self,
        *args,
        weight_bits: int = 8,
        signed_digits: int | None = None,
        free_scale: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._set_format(weight_bits, signed_digits, free_scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply float[batch, inputs] by the integer weights."""
        return functional.linear(*self._operands(x))
