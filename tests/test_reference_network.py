"""The shipped speech network on real speech where `../shared/data` is there, on made-up sounds elsewhere."""

import numpy as np
import pytest

import compiler
from compiler.execute import execute
from compiler.frames import load_samples, to_integers
from compiler.frontend.exact_module import exact_logits
from models.gsc.synthesize import VECTORS
from tests.models.speech import DATA, needs_recordings

CHECKPOINT = VECTORS.with_name("sparse_sparse.pt")
WORDS = 200
INTERVAL = 784
"""A position of conv1 a cycle: the slowest stage then takes as long for every frame, so the time is exact."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    samples = VECTORS
    if DATA.is_dir():
        samples = tmp_path_factory.mktemp("words") / "words.npz"
        with np.load(DATA / "gsc12_devtest.npz") as arrays:
            chosen = np.random.default_rng(0).permutation(len(arrays["x"]))[:WORDS]
            np.savez(samples, x=arrays["x"][chosen], y=arrays["y"][chosen])
    target = tmp_path_factory.mktemp("build") / "out"
    return compiler.build(CHECKPOINT, board="u250", interval=INTERVAL, samples=samples, output=target)


def test_verilog_equals_pytorch_under_every_stall(bundle):
    verdict = bundle.verify()
    assert verdict.passed, verdict.line
    words = WORDS if DATA.is_dir() else 32
    assert verdict.line.startswith(f"bit-exact: {words}/{words} vectors × 4 stall patterns")
    assert verdict.timing.interval_cycles == verdict.predicted.interval_cycles <= INTERVAL
    assert verdict.timing.latency_cycles <= verdict.predicted.latency_cycles


@needs_recordings
def test_executor_equals_pytorch_on_every_recording(bundle):
    with np.load(DATA / "gsc12_devtest.npz") as arrays:
        samples, labels = load_samples(arrays["x"], bundle.graph.input.shape), arrays["y"]
    frames = to_integers(bundle.graph, samples)
    logits = execute(bundle.graph, frames)
    assert np.array_equal(logits, exact_logits(bundle.graph, frames))
    assert (logits.reshape(len(labels), -1).argmax(axis=1) == labels).mean() >= 0.85


def test_the_network_is_as_sparse_as_it_says(bundle):
    model = bundle.report["model"]
    assert model["weights_dense"] == 2_522_000
    assert model["weights_nonzero"] <= 127_568
    assert model["macs_sparse"] * 18 < model["macs_dense"] == 13_912_400
