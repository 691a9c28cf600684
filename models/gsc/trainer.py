"""One run of training: float, during which masks and winners thin out, then integer."""

import time
from pathlib import Path

import torch
from torch import nn

from compiler.nn import CurrentMask, Sparsity, quantize_aware, sparsify
from models.gsc.augment import augment
from models.gsc.data import SILENCE, Split, batches
from models.gsc.evaluate import accuracy, nonzero_weights
from models.gsc.held import HeldStage, behind_held_stage
from models.gsc.network import CONV1, mask_rules, network, winner_layers
from models.gsc.recipe import Recipe, augmented_share, learning_rate, softness_at, winners_at
from models.gsc.teacher import in_float, loss_of, training_precision
from models.gsc.warm_start import start_from

__all__ = ["Trainer"]

CALIBRATION_CLIPS = 1500
"""Clips on which a started network's batch normalization is measured."""


class Trainer:
    """One run: the model, its optimizer and masks, and where it stands.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`.
    recipe : Recipe
    data : dict
        Split name → Split: "train" and "val", on the device to train on.
    seed : int
        For initial weights, order and augmentation.
    teacher : nn.Sequential, optional
        Distilled from, if given; in float, see :func:`models.gsc.teacher.in_float`.
    start : nn.Sequential, optional
        A trained network whose weights the float stage begins with, instead of random ones.
    held : nn.Sequential, optional
        A checkpoint whose conv1 takes the place of that of `start` and is held in the float stage.
        What lies behind its winners is computed once, which makes steps several times as fast. Needs
        a teacher.
    settled_masks : bool
        Whether what is zero in `start` stays zero, instead of masks that thin out.
    """

    def __init__(
        self,
        variant: str,
        recipe: Recipe,
        data: dict[str, Split],
        seed: int,
        teacher: nn.Sequential | None,
        start: nn.Sequential | None = None,
        held: nn.Sequential | None = None,
        settled_masks: bool = False,
    ) -> None:
        torch.manual_seed(seed)
        self.variant, self.recipe, self.data, self.seed = variant, recipe, data, seed
        self.settled_masks = settled_masks
        self.teacher = None if teacher is None else in_float(teacher)
        self.results: dict[str, dict] = {}
        self.order = torch.Generator().manual_seed(seed)
        self.device = data["train"].x.device
        self.noise = data["train"].x[data["train"].y == SILENCE]
        self.history: list[dict] = []
        self.held: HeldStage | None = None
        self.judged = data["val"]
        self.steps_per_epoch = sum(1 for _ in self._batches())
        self.order.manual_seed(seed)
        model = self._float_model(start, held).to(self.device)
        if held is not None:
            self._hold(model, 2.0**-held.quantize_relu1.fraction_bits)
        self._start_stage("float", model)

    def _batches(self):
        """Yield clips, or their numbers if a stage is held, and their classes."""
        split = self.data["train"]
        if self.held:
            split = Split(torch.arange(len(split), device=self.device), split.y)
        return batches(split, self.recipe.batch, self.order, self.recipe.unknown)

    def _float_model(self, start: nn.Sequential | None, held: nn.Sequential | None) -> nn.Sequential:
        """Return the model that the float stage begins with."""
        model = network(self.variant, self.recipe.dropout if self.variant == "dense" else 0.0)
        if start is not None:
            clips = torch.randperm(len(self.data["train"]), generator=self.order)[:CALIBRATION_CLIPS]
            start_from(model, start.cpu(), self.data["train"].x[clips.to(self.device)].cpu(), held)
        return model

    def _hold(self, model: nn.Sequential, unit: float) -> None:
        """Compute what the stage that is held answers, for training and for judging."""
        train, val = self.data["train"], self.data["val"]
        self.held = HeldStage(model, unit, self.teacher, train, self.recipe.versions, self.seed)
        self.judged = Split(HeldStage(model, unit, self.teacher, val, 0, self.seed).plain(), val.y)

    def _start_stage(self, stage: str, model: nn.Sequential) -> None:
        """Begin the "float" or the "integer" stage with a model."""
        self.stage, self.epoch = stage, 0
        if stage == "integer":
            self.held, self.judged = None, self.data["val"]
        self.model = model.to(self.device, memory_format=torch.channels_last).train()
        decay = self.recipe.weight_decay
        self.optimizer = torch.optim.AdamW(model.parameters(), weight_decay=decay, fused=True)
        self.sparsity = self._sparsity()

    def _sparsity(self) -> Sparsity:
        """Return the masks of the stage: learned in float, then fixed."""
        total = self.steps_per_epoch * self.recipe.epochs
        begin, end = round(self.recipe.begin * total), round(self.recipe.end * total)
        rules = mask_rules(self.variant, begin, end, round(self.recipe.regrow * total))
        if self.stage == "integer" or self.settled_masks:
            rules = {name: CurrentMask() for name in rules}
        elif self.held:
            rules[CONV1] = CurrentMask()
        return sparsify(self.model, rules, seed=self.seed)

    def _schedule(self, progress: float) -> None:
        """Set the rate, the augmentation and all about winners for a point of the stage."""
        in_float = self.stage == "float"
        self.share = augmented_share(progress if in_float else 1.0, self.recipe)
        peak = self.recipe.peak_rate if in_float else self.recipe.finetune_rate
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(progress, peak)
        for name, layer in winner_layers(self.model[self._first_trained() :]).items():
            layer.k = winners_at(progress if in_float else 1.0, self.recipe, self.variant)[name]
            remaining = max(0.0, 1 - progress / self.recipe.end) if in_float else 0.0
            layer.boost_strength = self.recipe.boost_strength * remaining
            layer.softness = softness_at(progress, self.recipe) if in_float else 0.0

    def _first_trained(self) -> int:
        """Return the place of the first layer that is not held."""
        return behind_held_stage(self.model) if self.held else 0

    def _examples(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return what the trained layers read of a batch, augmented, and what the teacher says to it."""
        if self.held:
            return self.held.draw(x, y == SILENCE, self.share)
        x = augment(x, y == SILENCE, self.noise, self.share).contiguous(memory_format=torch.channels_last)
        if self.teacher is None:
            return x, None
        with torch.no_grad(), training_precision(self.device):
            return x, self.teacher(x).float()

    def run_epoch(self, epochs: int) -> dict:
        """Train for one of the stage's `epochs`, evaluate on val, and return what happened."""
        started, losses = time.monotonic(), []
        for index, (x, y) in enumerate(self._batches()):
            self._schedule((self.epoch + index / self.steps_per_epoch) / epochs)
            x, target = self._examples(x, y)
            with training_precision(self.device):
                scores = self.model[self._first_trained() :](x).float()
            loss = loss_of(scores, y, target, self.recipe)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.sparsity.step()
            losses.append(loss.detach())
        self.epoch += 1
        record = {
            "stage": self.stage,
            "epoch": self.epoch,
            "loss": float(torch.stack(losses).mean()),
            "val": accuracy(self.model[self._first_trained() :], self.judged),
            "winners": {name: layer.k for name, layer in winner_layers(self.model).items()},
            "nonzeros": sum(nonzero_weights(self.model).values()),
            "seconds": time.monotonic() - started,
        }
        self.history.append(record)
        return record

    def start_integer_stage(self) -> None:
        """Replace the float model by its integer counterpart."""
        digits = {} if self.variant == "dense" else {CONV1: self.recipe.conv1_digits}
        self._start_stage("integer", quantize_aware(self.model, signed_digits=digits))

    def save(self, path: Path) -> None:
        """Write all that is needed to continue, in one move."""
        names = ("stage", "epoch", "history", "results", "model")
        state = {name: getattr(self, name) for name in names}
        state |= {"optimizer": self.optimizer.state_dict(), "sparsity": self.sparsity.state_dict()}
        state |= {"order": self.order.get_state(), "random": torch.get_rng_state()}
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Continue where :meth:`save` stood."""
        state = torch.load(path, weights_only=False, map_location=self.device)
        self._start_stage(state["stage"], state["model"])
        self.epoch, self.history, self.results = state["epoch"], state["history"], state["results"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.sparsity.load_state_dict(state["sparsity"])
        self.order.set_state(state["order"].cpu())
        torch.set_rng_state(state["random"].cpu())
