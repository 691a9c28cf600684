"""What each layer becomes, from a file and from a live module, and what is refused in which words."""

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from torch import nn

from compiler.errors import UnsupportedModel
from compiler.frontend import examine, load
from compiler.ir.float_ops import BatchNorm, Conv2d, FakeQuantize, KWinners, Linear, Normalize
from compiler.nn import FakeQuantize as FakeQuantizer
from compiler.nn import KWinners as GlobalWinners
from compiler.nn import KWinners2d, QuantizedConv2d, QuantizedLinear
from compiler.nn import Normalize as Normalizer


def speech_network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        Normalizer(128, 64),
        nn.Sequential(
            QuantizedConv2d(1, 16, 5, signed_digits=2, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(16)
        ),
        nn.ReLU(),
        KWinners2d(3, boost_strength=1.0, softness=0.1),
        FakeQuantizer(8, 4),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        QuantizedLinear(16 * 7 * 7, 30, weight_bits=6, free_scale=True),
        GlobalWinners(7),
        nn.Linear(30, 12),
        nn.LogSoftmax(dim=1),
    )


@pytest.fixture(params=["file", "live"])
def given(request, tmp_path):
    """Hand a module over in each of the ways."""

    def give(module: nn.Module) -> object:
        if request.param == "live":
            return module
        torch.save(module, tmp_path / "model.pt")
        return tmp_path / "model.pt"

    return give


def complaints(source: object, **options: object) -> list[str]:
    """Return the problems of a model as text."""
    examination = examine(source, **options)
    assert examination.graph is None
    return [str(problem) for problem in examination.problems]


def test_a_whole_network_becomes_a_chain(given):
    network = speech_network()
    graph = load(given(network))
    kinds = [node.kind for node in graph]
    assert kinds == [
        "Conv2d", "MaxPool", "BatchNorm", "Relu", "KWinners", "FakeQuantize", "MaxPool", "Flatten", "Linear",
        "KWinners", "Linear",
    ]  # fmt: skip
    assert graph.normalize == Normalize(128.0, 64.0)
    assert graph.input.shape == (1, 32, 32)
    conv, linear = graph.nodes[0].op, graph.nodes[8].op
    assert (conv.weight_bits, conv.signed_digits, conv.free_scale) == (8, 2, False)
    assert (linear.weight_bits, linear.signed_digits, linear.free_scale) == (6, None, True)
    assert np.array_equal(conv.weight, network[1][0].weight.detach().numpy())
    assert conv.weight.dtype == np.float64 and not conv.weight.flags.writeable
    assert not conv.bias.any() and not conv.bias.flags.writeable
    assert graph.nodes[5].op == FakeQuantize(8, 4, False)
    assert any("LogSoftmax" in note and "logits" in note for note in graph.notes)
    assert any("Dropout" in note for note in graph.notes)
    assert any("1,32,32" in note for note in graph.notes)


def test_layers_of_older_files_have_power_of_two_scales(given):
    layer = QuantizedLinear(4, 3)
    del layer.__dict__["free_scale"]
    assert load(given(nn.Sequential(layer))).nodes[0].op.free_scale is False


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"free_scale": 1}, "free_scale must be True or False, not 1; change it"),
        ({"free_scale": [True]}, "free_scale must be True or False, not list; change it"),
        (
            {"free_scale": True, "weight_bits": 13},
            "a free scale takes weights of at most 12 bits, not 13; use fewer bits, or a power-of-two scale",
        ),
    ],
)
def test_settings_of_a_free_scale_are_checked(settings, text, given):
    layer = QuantizedLinear(4, 3)
    vars(layer).update(settings)
    assert complaints(given(nn.Sequential(layer))) == [f"0 (QuantizedLinear): {text}"]


def test_bounds_on_nonzeros_follow_the_winners(given):
    bounds = [(node.output.at_most, node.output.sparse) for node in load(given(speech_network()))]
    local, free = (3, "local"), (None, None)
    pooled, flat, winners = (12, "local"), (12 * 7 * 7, "global"), (7, "global")
    assert bounds == [free, free, free, free, local, local, pooled, flat, free, winners, free]


def test_names_are_identifiers_and_each_occurs_once(given):
    names = [node.name for node in load(given(speech_network()))]
    assert names[:2] == ["quantizedconv2d_1_0", "maxpool2d_1_1"]
    assert all(name.isidentifier() for name in names)
    assert len({name.lower() for name in names}) == len(names)


def test_batch_norm_is_folded_to_scale_and_offset(given):
    norm = nn.BatchNorm2d(2, eps=0.0)
    norm.running_mean[:] = torch.tensor([1.0, 2.0])
    norm.running_var[:] = torch.tensor([4.0, 16.0])
    norm.weight.data[:] = torch.tensor([1.0, -2.0])
    norm.bias.data[:] = torch.tensor([0.5, 0.0])
    graph = load(given(nn.Sequential(nn.Conv2d(1, 2, 1), norm)), input_shape=(1, 4, 4))
    op = graph.nodes[1].op
    assert isinstance(op, BatchNorm)
    assert op.scale.tolist() == [0.5, -0.5] and op.offset.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("padding", "kernel", "expected"),
    [
        (0, 3, (0, 0, 0, 0)),
        ((1, 2), 3, (1, 1, 2, 2)),
        ("same", (5, 3), (2, 2, 1, 1)),
        ("valid", 3, (0, 0, 0, 0)),
    ],
)
def test_every_padding_of_zeros_is_understood(padding, kernel, expected, given):
    conv = nn.Conv2d(1, 2, kernel, padding=padding)
    graph = load(given(nn.Sequential(conv)), input_shape=(1, 9, 9))
    op = graph.nodes[0].op
    assert isinstance(op, Conv2d) and op.padding == expected
    assert graph.nodes[0].output.shape == tuple(conv(torch.zeros(1, 1, 9, 9)).shape[1:])


REFUSALS = [
    (nn.Conv2d(1, 2, 3, stride=2), "0 (Conv2d): stride must be 1, not 2; only stride 1"),
    (nn.Conv2d(1, 2, 3, dilation=(1, 2)), "dilation must be 1, not (1, 2); only undilated convolutions are"),
    (nn.Conv2d(2, 2, 3, groups=2), "groups must be 1, not 2"),
    (nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), "padding_mode must be zeros, not circular"),
    (nn.MaxPool2d(3, stride=2), "stride must equal kernel_size (3, 3), not (2, 2)"),
    (nn.MaxPool2d(2, padding=1), "padding must be 0, not 1"),
    (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode must be False, not True"),
    (nn.MaxPool2d(2, dilation=2), "dilation must be 1, not 2"),
    (nn.BatchNorm2d(1, track_running_stats=False), "track_running_stats must be True, not False"),
    (nn.Flatten(start_dim=2), "start_dim must be 1, not 2"),
    (nn.Softmax(dim=2), "dim must be 1"),
    (nn.Softmax(dim=1), "other layers follow it; a softmax can only be the last layer"),
    (Normalizer(0, 1), "it is not the first layer"),
    (KWinners2d(5), "k is 5, but there are only 1 channels; use a k of at most 1"),
    (GlobalWinners(99), "k is 99, but there are only 64 values"),
    (nn.BatchNorm2d(3), "num_features is 3, but its input has 1 channels (1×8×8)"),
    (nn.Conv2d(3, 2, 3), "in_channels is 3, but its input has 1 channels"),
    (nn.Conv2d(1, 2, 9), "its 9×9 kernel is larger than its padded input, 1×8×8"),
    (nn.Linear(8, 8), "its input is an image, 1×8×8; put Flatten before it"),
]


@pytest.mark.parametrize(("layer", "text"), REFUSALS)
def test_what_hardware_cannot_do_is_refused(layer, text, given):
    source = given(nn.Sequential(nn.Identity(), nn.ReLU(), layer, nn.Conv2d(1, 1, 1)))
    text = text.replace("0 (", "2 (")
    assert any(text in problem for problem in complaints(source, input_shape=(1, 8, 8)))


def test_all_problems_are_listed_at_once(given):
    convolutions = (nn.Conv2d(1, 2, 3, stride=2), nn.Conv2d(2, 4, 3, dilation=2))
    network = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(4, 4), nn.Linear(5, 2))
    with torch.no_grad():
        network[3].weight[1, 2] = float("nan")
        network[3].bias[0] = float("inf")
    problems = complaints(given(network), input_shape=(1, 8, 8))
    layers = [problem.split(":")[0] for problem in problems]
    assert layers == ["0 (Conv2d)", "1 (Conv2d)", "3 (Linear)", "3 (Linear)"]
    assert "1 of 16 values of its weight are NaN or infinite" in problems[2]


def test_a_linear_that_does_not_fit_is_named(given):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(50, 5), nn.Linear(6, 2))
    problems = complaints(given(network), input_shape=(1, 8, 8))
    assert "in_features is 50, but its input has 72 values" in problems[0]
    assert "in_features is 6, but its input has 5 values" in problems[1]


def test_images_after_flatten_and_an_empty_model_are_refused(given):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Conv2d(2, 2, 3))
    assert "its input is flattened" in complaints(given(network), input_shape=(1, 8, 8))[0]
    assert "no Conv2d or Linear" in complaints(given(nn.Sequential()))[0]


def test_a_pruned_layer_says_how_to_finish_pruning(tmp_path):
    network = nn.Sequential(nn.Linear(4, 2))
    torch.nn.utils.prune.random_unstructured(network[0], "weight", 0.5)
    assert any("prune.remove" in problem for problem in complaints(network))
    torch.nn.utils.prune.remove(network[0], "weight")
    assert isinstance(load(network).nodes[0].op, Linear)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_float_types_are_widened(kind, given):
    network = nn.Sequential(nn.Linear(4, 2)).to(getattr(torch, kind))
    graph = load(given(network))
    assert np.array_equal(graph.nodes[0].op.weight, network[0].weight.detach().double().numpy())


def test_strided_and_shared_tensors_are_read_right(given):
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[0].weight = nn.Parameter(torch.randn(4, 4).t())
    network[1].weight = network[0].weight
    graph = load(given(network))
    expected = network[0].weight.detach().double().numpy()
    assert all(np.array_equal(node.op.weight, expected) for node in graph)


def test_no_sparsity_is_remarked(given):
    dense = nn.Sequential(nn.Linear(4, 4))
    assert any("no sparsity" in remark for remark in examine(given(dense)).remarks)
    with torch.no_grad():
        dense[0].weight[:2] = 0
    assert not any("no sparsity" in remark for remark in examine(given(dense)).remarks)


def test_the_input_shape_is_asked_for_where_it_does_not_follow(given):
    assert "--input-shape C,H,W" in complaints(given(nn.Sequential(nn.Conv2d(1, 2, 3))))[0]
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(10, 2))
    assert "no square image gives the 10 values" in complaints(given(network))[0]
    pools = (nn.MaxPool2d(4), nn.Conv2d(1, 1, 1), nn.MaxPool2d(3))
    network = nn.Sequential(nn.Conv2d(1, 1, 2), *pools, nn.Flatten(), nn.Linear(1, 2))
    assert load(given(network)).input.shape == (1, 13, 13)


@pytest.mark.parametrize("shape", [(1, 8), (0, 8, 8), (1, 8, -8), (1.0, 8, 8), "abc", (1, 1 << 20, 1 << 20)])
def test_a_wrong_input_shape_is_refused(shape, given):
    with pytest.raises(UnsupportedModel, match="three positive integers"):
        load(given(nn.Sequential(nn.Conv2d(1, 1, 1))), input_shape=shape)


def test_a_shape_that_the_module_carries_is_used(given):
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    network.input_shape = (1, 3, 5)
    assert load(given(network)).input.shape == (1, 3, 5)


def test_winners_keep_their_scope(given):
    winners = (KWinners2d(2), nn.Flatten(), GlobalWinners(3))
    network = nn.Sequential(nn.Conv2d(1, 4, 1), *winners, nn.Linear(64, 2))
    assert [op for op in (node.op for node in load(given(network))) if isinstance(op, KWinners)] == [
        KWinners(2, "local"),
        KWinners(3, "global"),
    ]
