"""The shipped checkpoints: their structure, their numbers, and that they hear."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from compiler.execute import execute
from compiler.frames import Samples, to_integers, to_real
from compiler.frontend import load
from compiler.nn import FakeQuantize, QuantizedConv2d, QuantizedLinear, weight_scale
from compiler.passes.fold_batchnorm import FoldBatchNorm
from compiler.passes.hoist_relu import HoistRelu
from compiler.passes.quantize import Quantize
from compiler.passes.tighten_accumulators import TightenAccumulators
from models.checkpoint import load_checkpoint
from models.gsc.data import load_split
from models.gsc.evaluate import accuracy, nonzero_weights
from models.gsc.network import VARIANTS
from tests.models.speech import DATA, needs_recordings

FOLDER = Path(__file__).resolve().parents[2] / "models" / "gsc"
CHECKPOINT = FOLDER / "sparse_sparse.pt"
ALL = sorted(FOLDER.glob("*.pt"))
NAMES = [path.stem for path in ALL]
SPARSE = [path for path in ALL if path.stem != "dense"]


@pytest.fixture(scope="module")
def model() -> torch.nn.Sequential:
    return load_checkpoint(CHECKPOINT)


def test_at_most_five_percent_of_the_weights_are_nonzero(model):
    assert sum(nonzero_weights(model).values()) <= 127_568


@pytest.mark.parametrize("path", SPARSE, ids=[path.stem for path in SPARSE])
def test_masks_are_those_of_the_variant(path):
    model, left = load_checkpoint(path), VARIANTS[path.stem]
    assert (model.conv1.weight != 0).flatten(1).sum(dim=1).max() <= left.conv1_nonzeros
    for name, block in (("conv2", left.conv2_block), ("linear1", left.linear1_block)):
        used = model.get_submodule(name).weight != 0
        assert used.reshape(len(used) // block, block, -1).sum(dim=1).max() == 1


def test_weights_are_eight_bit_codes(model):
    for layer in model:
        if isinstance(layer, QuantizedConv2d | QuantizedLinear):
            weight = layer.weight.float()
            codes = weight * 2.0 ** weight_scale(float(weight.abs().max()), 8)[1]
            assert torch.equal(codes, codes.round())
            assert torch.equal(layer.quantized_weight(), weight)


def test_quantizers_are_calibrated_eight_bit_ones(model):
    quantizers = [layer for layer in model if isinstance(layer, FakeQuantize)]
    assert [layer.signed for layer in quantizers] == [True, False, False, False]
    assert all((layer.width, layer.calibration_batches) == (8, 0) for layer in quantizers)


@pytest.mark.parametrize(
    ("name", "winners"), [("sparse_sparse", (6, 6, 150)), ("sparse_sparse_fast", (4, 6, 150))]
)
def test_at_most_a_tenth_of_the_activations_win(name, winners):
    model = load_checkpoint(FOLDER / f"{name}.pt")
    assert tuple(model.get_submodule(f"winners{number}").k for number in (1, 2, 3)) == winners
    with np.load(CHECKPOINT.with_name("vectors.npz")) as arrays:
        x = torch.from_numpy(arrays["x"]).unsqueeze(1)
    behind_winners = model[: list(dict(model.named_children())).index("winners2") + 1](x)
    assert (behind_winners != 0).sum(dim=1).max() <= winners[1]


@pytest.mark.parametrize("path", ALL, ids=NAMES)
def test_the_compiled_integers_are_the_trained_network_bit_for_bit(path):
    graph = load(path)
    with np.load(FOLDER / "vectors.npz") as arrays:
        samples = Samples(arrays["x"][:, None])
    x = to_real(graph, samples)
    for rewrite in (FoldBatchNorm(), HoistRelu(), Quantize(calibration=x), TightenAccumulators()):
        graph = rewrite(graph)
    logits = execute(graph, to_integers(graph, samples)).reshape(len(x), -1)
    trained = load_checkpoint(path)(torch.from_numpy(samples.x)).double().numpy()
    assert np.array_equal(logits * graph.output_scale, trained)


@needs_recordings
@pytest.mark.parametrize("path", ALL, ids=NAMES)
def test_recorded_words_are_understood_as_the_model_card_says(path):
    claimed = json.loads(path.with_suffix(".json").read_text())["accuracy"]["integer"]["devtest"]
    found = accuracy(load_checkpoint(path), load_split(DATA, "devtest"))
    assert found["plain"] >= 0.85
    assert found["plain"] == pytest.approx(claimed["plain"], abs=0.002)
