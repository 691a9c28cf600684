"""From a float model to an integer one: folding, where quantizers stand, what fine-tuning keeps."""

import io

import pytest
import torch
from torch import nn

from compiler.nn import (
    CurrentMask,
    FakeQuantize,
    KWinners,
    KWinners2d,
    Normalize,
    QuantizedConv2d,
    QuantizedLinear,
    quantize_aware,
    sparsify,
)


def float_model() -> nn.Sequential:
    """Return a small trained-looking model: random weights, and statistics that are not 0 and 1."""
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("normalize", Normalize(128, 64))
    model.add_module("conv", nn.Conv2d(1, 8, 3, bias=False))
    model.add_module("norm", nn.BatchNorm2d(8))
    model.add_module("relu", nn.ReLU())
    model.add_module("pool", nn.MaxPool2d(2))
    model.add_module("winners", KWinners2d(3))
    model.add_module("flatten", nn.Flatten())
    model.add_module("hidden", nn.Linear(8 * 9, 20))
    model.add_module("hidden_norm", nn.BatchNorm1d(20, affine=False))
    model.add_module("hidden_relu", nn.ReLU())
    model.add_module("hidden_winners", KWinners(6))
    model.add_module("dropout", nn.Dropout(0.5))
    model.add_module("out", nn.Linear(20, 4))
    nn.init.uniform_(model.norm.weight, -1, 1.5)
    nn.init.normal_(model.norm.bias)
    for _ in range(20):
        model(images(5, 64))
    return model.eval()


def images(seed: int, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 1, 8, 8), generator=generator).float()


def test_layers_stand_in_the_documented_order():
    layers = quantize_aware(float_model())
    assert [name for name, _ in layers.named_children()] == [
        "normalize", "quantize_normalize", "conv", "relu", "quantize_relu", "pool", "winners", "flatten",
        "hidden", "hidden_relu", "quantize_hidden_relu", "hidden_winners", "out",
    ]  # fmt: skip
    assert isinstance(layers.conv, QuantizedConv2d)
    assert isinstance(layers.out, QuantizedLinear)
    assert layers.quantize_normalize.signed
    assert not layers.quantize_relu.signed


def test_a_model_without_normalization_gets_an_input_quantizer():
    model = quantize_aware(nn.Sequential(nn.Linear(4, 2)))
    assert isinstance(model[0], FakeQuantize)
    assert model[0].signed


def test_folding_alone_changes_nothing_but_rounding():
    model = float_model()
    wide = quantize_aware(model, weight_bits=16, activation_bits=16)
    x = images(1, 32)
    for _ in range(20):
        wide(x)
    assert torch.allclose(wide.eval()(x).float(), model(x), atol=5e-3)


def test_eight_bits_stay_close_to_float():
    model = float_model()
    quantized = quantize_aware(model, calibration_batches=3)
    x = images(2, 64)
    for _ in range(3):
        quantized(x)
    difference = quantized.eval()(x) - model(x)
    assert difference.abs().median() < 0.1 * model(x).std()


def test_zeros_stay_zero_through_fine_tuning_and_the_original_is_untouched():
    model = float_model()
    sparsify(model, {"hidden": 9})
    original = {name: value.clone() for name, value in model.state_dict().items()}
    quantized = quantize_aware(model)
    sparsity = sparsify(quantized, {"hidden": CurrentMask()})
    optimizer = torch.optim.Adam(quantized.parameters(), lr=1e-2)
    for step in range(5):
        optimizer.zero_grad()
        quantized(images(step, 16)).square().mean().backward()
        optimizer.step()
        sparsity.step()
    assert (quantized.hidden.quantized_weight() != 0).sum(dim=1).max() <= 9
    assert all(torch.equal(value, original[name]) for name, value in model.state_dict().items())


def test_logits_are_whole_numbers_of_accumulator_units():
    quantized = quantize_aware(float_model(), calibration_batches=1)
    quantized(images(3, 16))
    quantized.eval()
    quantized.out.bias.data.zero_()
    weight = quantized.out.quantized_weight()
    unit = 2.0**-quantized.quantize_hidden_relu.fraction_bits * weight[weight != 0].abs().min() / 64
    multiples = quantized(images(4, 16)).detach() / unit
    assert torch.allclose(multiples, multiples.round(), atol=1e-2)


def test_signed_digits_are_set_by_layer_name():
    model = quantize_aware(float_model(), signed_digits={"conv": 2}, weight_bits=6)
    assert (model.conv.signed_digits, model.out.signed_digits) == (2, None)
    assert (model.conv.weight_bits, model.out.weight_bits) == (6, 6)


def test_a_layer_without_relu_gets_a_signed_quantizer_before_the_next():
    layers = (nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), KWinners2d(2), nn.Conv2d(4, 4, 2), nn.Flatten())
    model = quantize_aware(nn.Sequential(*layers, nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 2)))
    names = [name for name, layer in model.named_children() if isinstance(layer, FakeQuantize)]
    assert names == ["quantize_input", "quantize_0", "quantize_3", "quantize_6"]
    assert [model.get_submodule(name).signed for name in names] == [True, True, True, False]


def test_a_layer_that_is_used_twice_stays_in_both_places():
    relu = nn.ReLU()
    model = nn.Sequential(nn.Linear(4, 4), relu, nn.Linear(4, 4), relu, nn.Linear(4, 2))
    kinds = [type(layer).__name__ for layer in quantize_aware(model)]
    hidden = ["QuantizedLinear", "ReLU", "FakeQuantize"]
    assert kinds == ["FakeQuantize", *hidden, *hidden, "QuantizedLinear"]


@pytest.mark.parametrize(
    ("free_scales", "expected"),
    [(True, [1, 1, 1]), (False, [0, 0, 0]), (["conv", "out"], [1, 0, 1]), ("out", [0, 0, 1])],
)
def test_free_scales_are_set_for_all_layers_or_by_name(free_scales, expected):
    model = quantize_aware(float_model(), free_scales=free_scales)
    assert [layer.free_scale for layer in (model.conv, model.hidden, model.out)] == expected


@pytest.mark.parametrize("options", [{"free_scales": ["relu"]}, {"signed_digits": {"relu": 2}}])
def test_names_of_other_layers_are_refused(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} names 'relu', which is no Conv2d or Linear"):
        quantize_aware(float_model(), **options)


def test_free_scales_train_and_stay_closer_to_float():
    model = float_model()
    x, errors = images(2, 64), {}
    for free in (False, True):
        quantized = quantize_aware(model, weight_bits=4, free_scales=free, calibration_batches=3)
        for seed in range(3):
            quantized(images(seed, 64))
        errors[free] = (quantized.eval()(x) - model(x)).square().mean().sqrt().item()
    assert errors[True] < 0.9 * errors[False]
    quantized.train()(x).square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in quantized.conv.parameters())


def test_batchnorm_elsewhere_is_refused():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4))
    with pytest.raises(ValueError, match="2 must directly follow a Conv2d or Linear, not a ReLU"):
        quantize_aware(model)


def test_whole_model_survives_saving():
    model = quantize_aware(float_model())
    model(images(6, 8))
    model.eval()
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert torch.equal(again(images(7, 8)), model(images(7, 8)))
