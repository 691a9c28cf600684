"""Small networks, from the module to Verilog in Verilator: bit-exact, and as fast as predicted."""

import numpy as np
import pytest
import torch
from torch import nn

import compiler
from benchmarks.networks import NETWORKS, network
from compiler.__main__ import main
from compiler.frames import load_samples, to_integers
from compiler.frontend.exact_module import exact_logits
from compiler.ir.integer_ops import Requantize
from compiler.nn import KWinners2d, quantize_aware, round_biases


@pytest.mark.parametrize("name", NETWORKS)
def test_verilog_equals_pytorch_and_keeps_its_time(name, tmp_path):
    model, shape = network(name)
    bundle = compiler.build(model, board="u250", input_shape=shape, output=tmp_path / "out")
    verdict = bundle.verify()
    assert verdict.passed, verdict.line
    assert verdict.bit_exact and verdict.mismatches == 0
    assert len(verdict.patterns) == 4
    report = bundle.report
    assert report["bit_exact"]["vectors"] == len(np.load(bundle.directory / "vectors.npz")["x"]) > 32
    if report["interval_cycles"]["exact"]:
        assert report["interval_cycles"]["simulated"] == report["interval_cycles"]["predicted"]


def test_predict_answers_in_the_units_of_the_model(tmp_path):
    model, shape = network("linear_only")
    bundle = compiler.build(model, board="u250", input_shape=shape, output=tmp_path / "out")
    x = np.random.default_rng(3).standard_normal((5, *shape))
    frames = to_integers(bundle.graph, load_samples(x, shape))
    expected = exact_logits(bundle.graph, frames).reshape(5, -1) * bundle.graph.output_scale
    assert np.array_equal(bundle.predict(x), expected)
    with pytest.raises(compiler.UnsupportedModel, match="frames must be n×30×1×1"):
        bundle.predict(x[:, :7])


def test_a_trained_network_with_free_scales_goes_from_its_file_to_verified_verilog(tmp_path, capsys):
    """What training, saving, the command line, hardware and PyTorch make of it is the same, bit for bit."""
    torch.manual_seed(4)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), KWinners2d(2), nn.Flatten(), nn.Linear(96, 3)
    )
    model = quantize_aware(model.eval(), free_scales=True, weight_bits=6, calibration_batches=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(4):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.randn(16, 1, 6, 6)), torch.arange(16) % 3).backward()
        optimizer.step()
    round_biases(model)
    torch.save(model.eval(), tmp_path / "free.pt")
    x = np.random.default_rng(6).normal(size=(40, 1, 6, 6)) * 2
    np.savez(tmp_path / "test.npz", x=x)
    arguments = ["build", "free.pt", "--board", "ecp5-85f", "--samples", "test.npz", "-o", "out", "--verify"]
    paths = [tmp_path / word if "." in word or word == "out" else word for word in arguments]
    assert main([str(path) for path in paths]) == 0
    assert "bit-exact: 40/40 vectors × 4 stall patterns" in capsys.readouterr().out
    bundle = compiler.Bundle.open(tmp_path / "out")
    assert [node.op.multiplier > 1 for node in bundle.graph if isinstance(node.op, Requantize)] == [True]
    assert np.array_equal(bundle.predict(x), model(torch.from_numpy(x)).detach().numpy())
