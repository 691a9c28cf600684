"""A checkpoint as a teacher: the same answers but for the rounding of activations, in ordinary layers."""

import torch
from torch import nn

from compiler.nn import FakeQuantize, QuantizedConv2d, QuantizedLinear, quantize_aware
from models.gsc.network import network
from models.gsc.teacher import in_float


def test_a_teacher_answers_as_its_checkpoint_does_without_activation_quantizers():
    torch.manual_seed(0)
    x = torch.randint(256, (4, 1, 32, 32)).float()
    checkpoint = quantize_aware(network("dense").eval()).train()
    checkpoint(x)  # calibrates
    checkpoint.eval()
    teacher = in_float(checkpoint)
    assert not any(isinstance(m, FakeQuantize | QuantizedConv2d | QuantizedLinear) for m in teacher)
    exact = nn.Sequential(*[layer for layer in checkpoint if not isinstance(layer, FakeQuantize)])
    assert torch.allclose(teacher(x), exact(x).float(), atol=1e-4)
    assert not torch.equal(teacher(x), checkpoint(x).float())


def test_a_teacher_may_be_a_network_in_float():
    torch.manual_seed(0)
    model = network("dense").eval()
    x = torch.randint(256, (4, 1, 32, 32)).float()
    assert torch.equal(in_float(model)(x), model(x))
