"""Ten small networks, from the module to Verilog in Verilator: bit-exact, and as fast as predicted."""

import numpy as np
import pytest

import compiler
from benchmarks.networks import NETWORKS, network
from compiler.frames import load_samples, to_integers
from compiler.frontend.exact_module import exact_logits


@pytest.mark.parametrize("name", NETWORKS)
def test_verilog_equals_pytorch_and_keeps_its_time(name, tmp_path):
    model, shape = network(name)
    bundle = compiler.build(model, board="u250", input_shape=shape, output=tmp_path / "out")
    verdict = bundle.verify()
    assert verdict.passed, verdict.line
    assert verdict.bit_exact and verdict.mismatches == 0
    assert len(verdict.patterns) == 4
    report = bundle.report
    assert report["bit_exact"]["vectors"] == 32
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
