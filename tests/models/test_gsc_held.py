"""Training behind a held first stage: it stays as it is, and what is stored is what it answers."""

import numpy as np
import pytest
import torch

from compiler.nn import quantize_aware
from models.gsc.data import Split
from models.gsc.evaluate import accuracy
from models.gsc.held import HeldStage, behind_held_stage
from models.gsc.network import network
from models.gsc.recipe import Recipe
from models.gsc.trainer import Trainer

UNIT = 2.0**-5


@pytest.fixture
def split() -> Split:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (36, 1, 32, 32)).astype(np.uint8)
    return Split(torch.from_numpy(x), torch.arange(36) % 12)


def checkpoint(split: Split) -> torch.nn.Sequential:
    """Return a quantized network that has seen some clips."""
    torch.manual_seed(0)
    model = quantize_aware(network("sparse_sparse").eval(), calibration_batches=1)
    model(split.x.float())
    return model.eval()


def test_clips_as_they_are_are_drawn_as_the_stage_and_the_teacher_answer_them(split):
    torch.manual_seed(1)
    model, teacher = network("sparse_sparse").eval(), network("dense").eval()
    held = HeldStage(model, UNIT, teacher, split, versions=1, seed=0)
    clips = torch.tensor([30, 2, 17])
    values, targets = held.draw(clips, torch.zeros(3, dtype=torch.bool), share=0.0)
    with torch.no_grad():
        exact = model[: behind_held_stage(model)](split.x[clips].float())
        taught = teacher(split.x[clips].float())
    assert (values != 0).sum(dim=1).max() == 6
    assert (values - exact.clamp(max=255 * UNIT)).abs().mean() < UNIT  # a tie of 16 bits may go either way
    assert torch.allclose(targets, taught, atol=0.05)


def test_silence_and_a_share_of_the_words_are_augmented(split):
    model = network("sparse_sparse").eval()
    held = HeldStage(model, UNIT, network("dense").eval(), split, versions=2, seed=0)
    clips, loud = torch.arange(12), torch.zeros(12, dtype=torch.bool)
    plain, _ = held.draw(clips, loud, share=0.0)
    silent, _ = held.draw(clips, ~loud, share=0.0)
    assert torch.equal(plain, held.draw(clips, loud, share=0.0)[0])
    changed = (plain != silent).flatten(1).any(dim=1)
    assert changed.all()
    some, _ = held.draw(clips.repeat(20), loud.repeat(20), share=0.5)
    part = (some != plain.repeat(20, 1, 1, 1)).flatten(1).any(dim=1).float().mean()
    assert part == pytest.approx(0.5, abs=0.15)


def test_the_same_seed_gives_the_same_stage_whatever_was_drawn_before(split):
    model, teacher = network("sparse_sparse").eval(), network("dense").eval()
    first = HeldStage(model, UNIT, teacher, split, versions=1, seed=3)
    torch.rand(7)
    again = HeldStage(model, UNIT, teacher, split, versions=1, seed=3)
    assert torch.equal(first.codes, again.codes)
    assert not torch.equal(first.codes, HeldStage(model, UNIT, teacher, split, versions=1, seed=4).codes)


def test_a_held_first_layer_does_not_move_in_float_and_does_with_integers(split):
    data, held = {"train": split, "val": split}, checkpoint(split)
    recipe = Recipe(epochs=2, finetune_epochs=1, batch=12, unknown=3, versions=1)
    trainer = Trainer("sparse_sparse", recipe, data, 0, network("dense"), network("dense"), held)
    before = {name: p.clone() for name, p in trainer.model.named_parameters()}
    trainer.run_epoch(2)
    record = trainer.run_epoch(2)
    moved = {name for name, p in trainer.model.named_parameters() if not torch.equal(p, before[name])}
    assert {name for name in before if name not in moved} == {
        "conv1.weight", "conv1.bias", "batchnorm1.weight", "batchnorm1.bias",
    }  # fmt: skip
    assert record["val"]["plain"] == pytest.approx(accuracy(trainer.model, split)["plain"], abs=0.2)
    trainer.start_integer_stage()
    before = trainer.model.conv1.weight.clone()
    trainer.run_epoch(1)
    assert not torch.equal(trainer.model.conv1.weight, before)
