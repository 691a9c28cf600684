"""Numbers of any magnitude: a network is compiled or refused in words, and never crashes or warns."""

import json
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from compiler import pipeline
from compiler.__main__ import main
from compiler.execute import execute
from compiler.frames import extreme_frames, random_samples
from compiler.frontend import load
from compiler.frontend.exact_module import exact_logits
from compiler.ir.verify import verify
from compiler.nn import Normalize, QuantizedConv2d, QuantizedLinear

MAGNITUDES = (
    0.0, 5e-324, 1e-310, 2.3e-308, 1e-300, 1e-160, 1e-45, 1.2e-38, 1e-20, 1e-3, 1.0, 255.0, 1e9, 1e19, 1e20,
    1.7e38, 3.4e38, 1e77, 1e154, 1e155, 1e300, 1.79e308,
)  # fmt: skip
NEVER = (float("nan"), float("inf"), -float("inf"))


@st.composite
def magnitudes(draw: st.DrawFn, *, ordinary: int = 4) -> float:
    """Draw a magnitude: an ordinary one most of the time, so that each extreme meets ordinary company."""
    return draw(st.sampled_from([1.0] * ordinary * len(MAGNITUDES) + list(MAGNITUDES)))


@st.composite
def networks(draw: st.DrawFn) -> nn.Sequential:
    """Draw a small network in float64 whose tensors are of any magnitude each, with some numbers apart."""
    torch.manual_seed(draw(st.integers(0, 99)))
    free, digits = draw(st.booleans()), draw(st.sampled_from([None, 1, 2]))
    more = {"free_scale": free, "signed_digits": digits}
    layers = [
        Normalize(draw(magnitudes()), draw(magnitudes()) or 1.0),
        QuantizedConv2d(1, 3, 2, **more) if draw(st.booleans()) else nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3),
        nn.ReLU(), nn.Flatten(),
        QuantizedLinear(12, 4, **more) if draw(st.booleans()) else nn.Linear(12, 4), nn.ReLU(),
        nn.Linear(4, 2),
    ]  # fmt: skip
    model = nn.Sequential(*layers).double().eval()
    for tensor in model.state_dict().values():
        if tensor.dtype == torch.float64:
            tensor.mul_(draw(magnitudes(ordinary=8)))
            if draw(st.integers(0, 9)) == 0:
                tensor.view(-1)[0] = draw(st.sampled_from(MAGNITUDES)) * draw(st.sampled_from([1, -1]))
    return model


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_any_magnitude_is_compiled_or_refused(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pipeline.check(model, input_shape=(1, 3, 3))
        if found.problems:
            assert all(problem.where and problem.what and problem.next for problem in found.problems)
            return
        graph = found.graph
        for _, change in pipeline._passes(graph, random_samples(graph, pipeline.MADE_UP_FRAMES), 0, {}):
            graph = change(graph)
            verify(graph)
        frames = extreme_frames(graph, 4)
        assert np.array_equal(execute(graph, frames), exact_logits(graph, frames))
        assert 0 < graph.output_scale < float("inf")


def _network(value: float, tensor: str) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)).double().eval()
    model.state_dict()[tensor].fill_(value)
    return model


@pytest.mark.parametrize("tensor", ["0.weight", "1.weight", "1.running_mean", "1.running_var", "3.weight"])
@pytest.mark.parametrize("value", [5e-324, 1e-310, 1e300, *NEVER])
def test_a_checkpoint_of_an_extreme_magnitude_is_one_clear_line_or_fine(value, tensor, tmp_path, capsys):
    path = tmp_path / "model.pt"
    torch.save(_network(value, tensor), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        status = main(["check", str(path), "--json"])
    printed = capsys.readouterr()
    # A mean of next to nothing is zero; a variance of next to nothing is that of `eps`; what the least number
    # scales is zero.
    fine = tensor.startswith("1.running") and 0 < value < 1 or (tensor, value) == ("1.weight", 5e-324)
    problems = json.loads(printed.out)["problems"]
    assert (status, len(problems)) == ((0, 0) if fine else (1, 1)), problems
    assert not printed.err


def test_a_tiny_number_beside_ordinary_ones_is_zero():
    model = _network(0.5, "0.weight")
    model[0].weight.data[0, 0] = 1e-310
    graph = load(model, input_shape=(4, 1, 1))
    for _, change in pipeline._passes(graph, random_samples(graph, pipeline.MADE_UP_FRAMES), 0, {}):
        graph = change(graph)
    assert next(iter(graph)).op.weight[0, 0] == 0


def test_a_huge_integer_where_a_number_belongs_is_refused():
    model = nn.Sequential(Normalize(0.0, 1.0), nn.Linear(2, 1))
    model[0].mean = 10**400
    found = pipeline.check(model, input_shape=(2, 1, 1))
    assert ["mean must be a finite number" in problem.what for problem in found.problems] == [True]
