"""Quantized layers and the activation quantizer."""

import io

import numpy as np
import pytest
import torch
from torch.nn import functional

from compiler.nn import FakeQuantize, Normalize, QuantizedConv2d, QuantizedLinear, quantize_weight


def test_fake_quantize_chooses_the_scale_of_least_error_and_freezes_it():
    layer = FakeQuantize(width=8, signed=False, calibration_batches=2)
    x = torch.rand(4, 1000, generator=torch.Generator().manual_seed(0)) * 3.9
    layer(x)
    layer(x)
    assert (layer.fraction_bits, layer.calibration_batches) == (6, 0)
    layer(x * 100)
    assert layer.fraction_bits == 6


def test_fake_quantize_does_not_calibrate_in_evaluation():
    layer = FakeQuantize(fraction_bits=3, calibration_batches=5).eval()
    layer(torch.ones(10))
    assert (layer.fraction_bits, layer.calibration_batches) == (3, 5)


def test_fake_quantize_error_is_at_most_half_a_unit_in_range():
    layer = FakeQuantize(width=8, fraction_bits=5, signed=True).eval()
    x = torch.linspace(-4, 3.96, 1001)
    assert (layer(x) - x).abs().max() <= 2.0**-6


@pytest.mark.parametrize("width", [1, 17])
def test_fake_quantize_refuses_widths_no_activation_may_have(width):
    with pytest.raises(ValueError, match=f"width must be from 2 to 16, not {width}"):
        FakeQuantize(width=width)


@pytest.mark.parametrize("signed_digits", [None, 2])
def test_forward_uses_the_rounded_weights_and_trains_the_masters(signed_digits):
    torch.manual_seed(1)
    conv = QuantizedConv2d(3, 5, 3, padding=1, weight_bits=4, signed_digits=signed_digits)
    linear = QuantizedLinear(7, 4, weight_bits=4, signed_digits=signed_digits)
    image, vector = torch.randn(2, 3, 6, 6), torch.randn(2, 7)
    used = quantize_weight(conv.weight, 4, signed_digits)
    assert torch.equal(conv(image), functional.conv2d(image, used, conv.bias, padding=1))
    used = quantize_weight(linear.weight, 4, signed_digits)
    assert torch.equal(linear(vector), functional.linear(vector, used, linear.bias))
    linear(vector).sum().backward()
    assert torch.allclose(linear.weight.grad, vector.sum(dim=0).expand(4, 7))


def test_layers_keep_their_settings_as_plain_attributes_through_saving():
    torch.manual_seed(2)
    conv = QuantizedConv2d(1, 2, 3, signed_digits=2)
    model = torch.nn.Sequential(Normalize(128, 64), conv, FakeQuantize(8, 5), QuantizedLinear(4, 3))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert vars(again[0])["mean"] == 128.0
    assert (vars(again[1])["weight_bits"], vars(again[1])["signed_digits"]) == (8, 2)
    assert (vars(again[2])["fraction_bits"], vars(again[2])["signed"]) == (5, False)
    x = torch.rand(2, 1, 5, 6) * 255
    assert torch.equal(again(x), model(x))


def test_half_precision_masters_give_the_same_outputs():
    torch.manual_seed(3)
    layer = QuantizedLinear(50, 20)
    x = torch.randn(4, 50)
    expected = layer(x)
    layer.weight.data = layer.quantized_weight().detach().half()
    assert torch.equal(layer(x), expected)


def test_normalize_takes_raw_bytes():
    x = torch.tensor([[0, 128, 255]], dtype=torch.uint8)
    assert np.array_equal(Normalize(128, 64)(x).numpy() * 64 + 128, x.numpy())


def test_normalize_refuses_a_standard_deviation_of_zero():
    with pytest.raises(ValueError, match="std must be positive, not 0"):
        Normalize(0, 0)


@pytest.mark.parametrize("free_scale", [False, True])
def test_evaluation_is_exact_where_float32_is_not(free_scale):
    """Sums of 4096 products of the largest codes, of both signs, pass 2**24 by far; so do their halves."""
    generator = torch.Generator().manual_seed(5)
    codes = torch.randint(-32767, 32768, (1, 4096), generator=generator)
    layer = QuantizedLinear(4096, 3, free_scale=free_scale)
    layer.weight.data = torch.where(torch.rand(3, 4096, generator=generator) < 0.3, 1.3, -0.4)
    layer.bias.data.zero_()
    multiplier, bits = layer.weight_scale()
    units = layer.quantized_weight().detach().double() * 2.0**bits / multiplier
    expected = codes @ units.long().T
    x = codes / 2.0**7
    assert torch.equal(layer.eval()(x) / multiplier * 2.0 ** (bits + 7), expected.double())
    assert not torch.equal(layer.train()(x).double() / multiplier * 2.0 ** (bits + 7), expected.double())
    quantizer = FakeQuantize(16, -4, signed=True).eval()
    shift = bits + 4 + 7
    rounded = (expected * multiplier + 2 ** (shift - 1)) >> shift
    assert torch.equal(quantizer(layer.eval()(x)), (rounded * 2.0**4).float())


def test_layers_that_were_saved_before_free_scales_still_compute():
    layer = QuantizedLinear(4, 3)
    del layer.__dict__["free_scale"]
    assert layer.free_scale is False
    assert torch.equal(layer(torch.ones(1, 4)), functional.linear(torch.ones(1, 4), *layer_parts(layer)))


def layer_parts(layer: QuantizedLinear) -> tuple[torch.Tensor, torch.Tensor]:
    return quantize_weight(layer.weight, 8), layer.bias


@pytest.mark.parametrize("layer", [QuantizedConv2d, QuantizedLinear])
def test_wide_weights_with_a_free_scale_are_refused(layer):
    with pytest.raises(ValueError, match="weight_bits must be at most 12 with a free scale, not 16"):
        layer(2, 2, *((1,) if layer is QuantizedConv2d else ()), weight_bits=16, free_scale=True)
