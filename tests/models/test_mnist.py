"""The digit network: its recipe on made-up digits, and the shipped checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from compiler.frontend import examine
from compiler.nn import FakeQuantize
from models.checkpoint import load_checkpoint, save_checkpoint
from models.mnist.data import load_split, warp
from models.mnist.network import K, network
from models.mnist.synthesize import VECTORS, draw, pictures
from models.mnist.train import BATCH, accuracy, set_winners, train, train_again
from tests.models.speech import DATA

CHECKPOINT = Path(__file__).resolve().parents[2] / "models" / "mnist" / "sparse_sparse.pt"
DIGITS = DATA / "mnist.npz"

needs_digits = pytest.mark.skipif(not DIGITS.exists(), reason=f"the recorded digits are missing: {DIGITS}")


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> Path:
    """Return a file of drawn digits: two batches to train on, 5,000 blank ones to validate with."""
    count = 2 * BATCH
    x = np.zeros((count + 5000, 28, 28), np.uint8)
    x[:count] = [draw(n % 10, n) for n in range(count)]
    y = np.arange(len(x), dtype=np.uint8) % 10
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez_compressed(file, train_x=x, train_y=y, test_x=x[:50], test_y=y[:50])
    return file


@pytest.fixture(scope="module")
def model() -> torch.nn.Sequential:
    return load_checkpoint(CHECKPOINT)


def test_splits_part_the_training_set(made_up):
    assert [len(load_split(made_up, name)) for name in ("train", "val", "test")] == [2 * BATCH, 5000, 50]
    with pytest.raises(ValueError, match="split must be one of train, val, test, not 'devtest'"):
        load_split(made_up, "devtest")


def test_winners_fall_to_the_final_number_half_way():
    model = network()
    set_winners(model, 0.0)
    assert (model.winners1.k, model.winners2.k, model.winners3.k) == (16, 32, 128)
    set_winners(model, 0.5)
    assert {name: model.get_submodule(name).k for name in K} == K


def test_warped_digits_stay_pixels_and_differ():
    torch.manual_seed(0)
    x = torch.from_numpy(np.stack([draw(8, 1)] * 4)).unsqueeze(1)
    warped = warp(x)
    assert warped.min() >= 0
    assert warped.max() <= 255.001
    assert len(warped.unique(dim=0)) == 4
    assert float(warped.mean()) == pytest.approx(float(x.float().mean()), rel=0.2)


def test_training_ends_in_a_sparse_integer_network_that_compiles(made_up, tmp_path):
    model, facts = train(made_up, epochs=2, finetune_epochs=1, seed=0)
    save_checkpoint(model, tmp_path / "digits.pt")
    assert sum(facts["nonzeros"].values()) <= 7216
    assert any(isinstance(layer, FakeQuantize) for layer in model)
    assert set(facts["integer"]) == {"val", "test"}
    assert examine(tmp_path / "digits.pt").problems == ()


def test_training_again_holds_the_first_layer_and_the_masks(made_up):
    model, facts = train_again(made_up, CHECKPOINT, epochs=10, seed=1)
    before, after = load_checkpoint(CHECKPOINT), dict(model.named_children())
    assert set(facts["integer"]) == {"val", "test"}
    changed = set()
    for name in ("conv1", "conv2", "linear1", "linear2"):
        old, new = before.get_submodule(name).quantized_weight().float(), after[name].quantized_weight()
        changed |= set() if torch.equal(old, new) else {name}
        assert name == "linear2" or not new[old == 0].any()
    assert changed
    assert "conv1" not in changed


def test_the_shipped_network_is_sparse_and_compiles(model):
    weights = [layer.weight for layer in model if hasattr(layer, "weight_bits")]
    assert sum(int((w != 0).sum()) for w in weights) <= 0.1 * sum(w.numel() for w in weights)
    assert {name: model.get_submodule(name).k for name in K} == K
    assert examine(CHECKPOINT).problems == ()


def test_shipped_pictures_are_the_drawn_ones_and_are_read_correctly(model):
    with np.load(VECTORS) as arrays:
        x, y = arrays["x"], arrays["y"]
    drawn, digits = pictures()
    assert np.abs(drawn.astype(int) - x).max() <= 1, "a rounding may fall the other way elsewhere, no more"
    assert np.array_equal(digits, y)
    answers = model(torch.from_numpy(x).unsqueeze(1)).argmax(dim=1)
    assert (answers.numpy() == y).mean() >= 0.9


@needs_digits
def test_recorded_digits_are_read_as_the_model_card_says(model):
    claimed = json.loads(CHECKPOINT.with_suffix(".json").read_text())["integer"]["test"]
    found = accuracy(model, load_split(DIGITS, "test"))
    model.eval()
    assert found >= 0.985
    assert found == pytest.approx(claimed, abs=0.001)
