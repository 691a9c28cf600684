"""Rounded biases are what accumulators hold, and all that keeps a model from the hardware's answers."""

import pytest
import torch
from torch import nn

from compiler.nn import FakeQuantize, QuantizedConv2d, QuantizedLinear, round_biases


def model(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    conv, linear = QuantizedConv2d(1, 4, 3), QuantizedLinear(64, 3)
    return nn.Sequential(
        FakeQuantize(8, 5, signed=True), conv, nn.ReLU(), FakeQuantize(8, 4), nn.Flatten(), linear
    ).eval()


def test_biases_move_by_at_most_half_a_unit_to_whole_units():
    rounded = model(0)
    rounded[1].weight.data.mul_(0.9 / rounded[1].weight.abs().max())
    rounded[5].weight.data.mul_(0.4 / rounded[5].weight.abs().max())
    before = [rounded[index].bias.clone() for index in (1, 5)]
    round_biases(rounded)
    for index, bias, fraction_bits in ((1, before[0], 5 + 7), (5, before[1], 4 + 8)):
        units = rounded[index].bias * 2.0**fraction_bits
        assert torch.equal(units, units.round())
        assert (rounded[index].bias - bias).abs().max() <= 0.5 / 2**fraction_bits
        assert not torch.equal(rounded[index].bias, bias)


def test_rounding_twice_changes_nothing_and_half_goes_up():
    rounded = model(1)
    rounded[1].weight.data.mul_(0.9 / rounded[1].weight.abs().max())
    rounded[1].bias.data = torch.tensor([0.5, -0.5, 1.5, -1.5]) / 2**12
    round_biases(rounded)
    assert (rounded[1].bias * 2**12).tolist() == [1.0, 0.0, 2.0, -1.0]
    once = [parameter.clone() for parameter in rounded.parameters()]
    round_biases(rounded)
    assert all(torch.equal(a, b) for a, b in zip(once, rounded.parameters(), strict=True))


def test_a_layer_without_a_quantizer_ahead_is_refused():
    with pytest.raises(ValueError, match="0 must have a FakeQuantize ahead of it; call quantize_aware first"):
        round_biases(nn.Sequential(QuantizedLinear(2, 2)))


def test_units_of_a_free_scale_are_kept_by_float32():
    """A bias of 2**18 units times a multiplier of 8 bits needs 26: it loses two, and stays what it is."""
    torch.manual_seed(2)
    linear = QuantizedLinear(8, 64, free_scale=True)
    linear.bias.data = torch.randn(64) * 3
    linear.bias.data[0] = 40.0
    rounded = nn.Sequential(FakeQuantize(8, 5, signed=True), linear).eval()
    before = linear.bias.detach().clone()
    multiplier, weight_bits = linear.weight_scale()
    assert multiplier > 1
    round_biases(rounded)
    units = linear.bias.detach().double() * 2.0 ** (5 + weight_bits) / multiplier
    assert torch.equal(units, units.round())
    exact = units.abs() * multiplier < 2**24
    assert exact.any() and not exact.all()
    error = (linear.bias - before).abs() * 2.0 ** (5 + weight_bits) / multiplier
    assert error[exact].max() <= 0.5 + 2**-6
    assert error.max() < 4.5
    once = linear.bias.detach().clone()
    round_biases(rounded)
    assert torch.equal(linear.bias, once)


def test_a_layer_without_a_bias_is_left_alone():
    layer = QuantizedLinear(2, 2, bias=False)
    round_biases(nn.Sequential(layer))
    assert layer.bias is None
