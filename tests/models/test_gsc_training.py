"""The recipe: schedules, structure of the result, resuming, files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.checkpoint import load_checkpoint, save_checkpoint
from models.gsc.data import SILENCE, SILENCE_REPEATS, UNKNOWN, Split, batches, load_split
from models.gsc.evaluate import accuracy, confusion, nonzero_weights
from models.gsc.network import VARIANTS, network
from models.gsc.recipe import Recipe, augmented_share, learning_rate, softness_at, winners_at
from models.gsc.train import train
from models.gsc.trainer import Trainer

TINY = Recipe(epochs=2, finetune_epochs=1, batch=16, unknown=8)


def tiny_data() -> dict[str, Split]:
    """Return three splits of 4 clips a class, each class a bar at a height of its own."""
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(12), 4)
    x = random.integers(0, 60, (len(y), 1, 32, 32))
    for clip, label in zip(x, y, strict=True):
        clip[0, 2 * label : 2 * label + 4] += 150
    split = Split(torch.from_numpy(x.astype(np.uint8)), torch.from_numpy(y))
    return {"train": split, "val": split, "devtest": split}


@pytest.mark.parametrize("variant", VARIANTS)
def test_network_maps_raw_features_to_twelve_logits(variant):
    model = network(variant).eval()
    x = torch.zeros(2, 1, 32, 32, dtype=torch.uint8)
    assert model(x).shape == (2, 12)
    assert sum(model.get_submodule(name).weight.numel() for name in nonzero_weights(model)) == 2_522_000


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="variant must be one of dense, sparse_dense, sparse_sparse"):
        network("sparser")


def test_learning_rate_rises_and_falls_to_zero():
    rates = [learning_rate(p / 100, 1.0) for p in range(101)]
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[0] == pytest.approx(0.05)
    assert rates[-1] == pytest.approx(0.0)


def test_winners_fall_from_all_to_the_final_number():
    recipe = Recipe(begin=0.1, end=0.5)
    assert winners_at(0.0, recipe, "sparse_sparse") == {"winners1": 64, "winners2": 64, "winners3": 1500}
    for progress in (0.5, 1.0):
        final = winners_at(progress, recipe, "sparse_sparse")
        assert final == {"winners1": 6, "winners2": 6, "winners3": 150}
    assert 6 < winners_at(0.3, recipe, "sparse_sparse")["winners1"] < 64
    assert winners_at(0.3, recipe, "sparse_dense") == {}


def test_soft_winners_are_few_from_the_start_and_hard_from_the_end_of_their_schedule():
    recipe = Recipe(begin=0.0, end=0.6, softness=0.5)
    assert winners_at(0.0, recipe, "sparse_sparse") == winners_at(1.0, recipe, "sparse_sparse")
    softness = [softness_at(progress, recipe) for progress in (0.0, 0.3, 0.6, 1.0)]
    assert softness == pytest.approx([0.5, 0.1, 0.0, 0.0])
    assert softness_at(0.0, Recipe()) == 0.0


def test_fewer_clips_are_augmented_toward_the_end():
    recipe = Recipe(fade=0.5, last_share=0.2)
    shares = [augmented_share(progress, recipe) for progress in (0.0, 0.5, 0.75, 1.0)]
    assert shares == pytest.approx([1.0, 1.0, 0.6, 0.2])
    assert augmented_share(0.5, Recipe(first_share=0.6, fade=0.0, last_share=0.2)) == pytest.approx(0.4)


def test_an_epoch_has_every_word_so_many_unknown_ones_and_silence_several_times():
    split = tiny_data()["train"]
    drawn = torch.cat([y for _, y in batches(split, 1, torch.Generator().manual_seed(0), unknown=2)])
    counts = drawn.bincount(minlength=12)
    assert counts[UNKNOWN] == 2
    assert counts[SILENCE] == 4 * SILENCE_REPEATS
    assert torch.all(counts[UNKNOWN + 1 :] == 4)


def test_splits_are_read_from_packed_features(tmp_path):
    x, y = np.zeros((3, 32, 32), np.uint8), np.array([0, 5, 11], np.uint8)
    np.savez(tmp_path / "gsc12_logmel32.npz", train_x=x, train_y=y, val_x=x[:1], val_y=y[:1])
    assert load_split(tmp_path, "train").x.shape == (3, 1, 32, 32)
    assert load_split(tmp_path, "val").y.tolist() == [0]
    with pytest.raises(ValueError, match="split must be one of train, val, devtest, not 'test'"):
        load_split(tmp_path, "test")


def test_confusion_counts_by_true_and_predicted_class():
    scores = torch.eye(12)[[3, 3, 0]]
    counts = confusion(scores, torch.tensor([3, 4, 0]))
    assert (counts[3, 3], counts[4, 3], counts[0, 0], counts.sum()) == (1, 1, 1, 3)


def test_training_ends_in_the_documented_structure(tmp_path):
    out = tmp_path / "model.pt"
    train(Trainer("sparse_sparse", TINY, tiny_data(), seed=0, teacher=None), out, resume=False)
    model = load_checkpoint(out)
    counts = nonzero_weights(model)
    assert counts["conv1"] <= 64 * 12
    assert counts["conv2"] <= 12_800
    assert counts["linear1"] <= 96_000
    assert (model.winners1.k, model.winners2.k, model.winners3.k) == (6, 6, 150)
    assert model.conv1.signed_digits == 2
    assert not model.training
    facts = json.loads(out.with_suffix(".json").read_text())
    assert facts["accuracy"]["integer"]["val"] == accuracy(model, tiny_data()["val"])
    assert [record["stage"] for record in facts["history"]] == ["float", "float", "integer"]


def test_settled_masks_stay_as_the_started_network_has_them():
    start = Trainer("sparse_dense", replace(TINY, end=0.01), tiny_data(), seed=0, teacher=None)
    start.run_epoch(2)
    start.start_integer_stage()
    recipe = replace(TINY, begin=0.0, softness=0.5)
    went_on = Trainer("sparse_sparse", recipe, tiny_data(), 1, None, start.model, settled_masks=True)
    went_on.run_epoch(2)
    for name in ("conv1", "conv2", "linear1"):
        before, now = (model.get_submodule(name).weight for model in (start.model, went_on.model))
        assert not torch.equal(before, now)
        assert torch.all((now != 0) <= (before != 0))


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path):
    teacher = network("dense").eval()
    resumed = Trainer("sparse_sparse", TINY, tiny_data(), seed=9, teacher=teacher)
    straight = Trainer("sparse_sparse", TINY, tiny_data(), seed=4, teacher=teacher)
    straight.run_epoch(2)
    straight.save(tmp_path / "progress")
    straight.run_epoch(2)
    resumed.load(tmp_path / "progress")
    resumed.run_epoch(2)
    pairs = zip(straight.model.state_dict().values(), resumed.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_checkpoints_are_small_exact_and_reproducible(tmp_path):
    trainer = Trainer("sparse_sparse", TINY, tiny_data(), seed=1, teacher=None)
    trainer.run_epoch(1)
    trainer.run_epoch(1)
    trainer.start_integer_stage()
    trainer.run_epoch(1)
    save_checkpoint(trainer.model, tmp_path / "a.pt")
    save_checkpoint(trainer.model, tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    assert (tmp_path / "a.pt").stat().st_size < 1_000_000
    x = tiny_data()["val"].x.float()
    assert torch.allclose(load_checkpoint(tmp_path / "a.pt")(x), trainer.model.eval()(x), atol=1e-4)
