"""Train the reference network: `python -m models.gsc.train --data DIR --out FILE --variant ...`.

Two stages: float, during which masks and winners thin out, then integer. Progress is printed an
epoch at a time and kept in `FILE.resume`; `--resume` continues from there.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from compiler.nn import CurrentMask, Sparsity, quantize_aware, round_biases, sparsify
from models.checkpoint import load_checkpoint, save_checkpoint
from models.gsc.augment import augment
from models.gsc.data import SILENCE, Split, batches, load_split
from models.gsc.evaluate import accuracy, nonzero_weights
from models.gsc.network import CONV1, VARIANTS, mask_rules, network, winner_layers
from models.gsc.recipe import Recipe, augmented_share, learning_rate, winners_at
from models.gsc.teacher import in_float
from models.gsc.warm_start import start_from

__all__ = ["Trainer", "main"]

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
    """

    def __init__(
        self,
        variant: str,
        recipe: Recipe,
        data: dict[str, Split],
        seed: int,
        teacher: nn.Sequential | None,
        start: nn.Sequential | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self.variant, self.recipe, self.data, self.seed = variant, recipe, data, seed
        self.teacher = None if teacher is None else in_float(teacher)
        self.results: dict[str, dict] = {}
        self.order = torch.Generator().manual_seed(seed)
        self.device = data["train"].x.device
        self.noise = data["train"].x[data["train"].y == SILENCE]
        self.history: list[dict] = []
        self.steps_per_epoch = sum(1 for _ in self._batches())
        self.order.manual_seed(seed)
        self._start_stage("float", self._float_model(start))

    def _batches(self):
        return batches(self.data["train"], self.recipe.batch, self.order, self.recipe.unknown)

    def _float_model(self, start: nn.Sequential | None) -> nn.Sequential:
        """Return the model that the float stage begins with."""
        model = network(self.variant, self.recipe.dropout if self.variant == "dense" else 0.0)
        if start is not None:
            clips = torch.randperm(len(self.data["train"]), generator=self.order)[:CALIBRATION_CLIPS]
            start_from(model, start.cpu(), self.data["train"].x[clips.to(self.device)].cpu())
        return model

    def _start_stage(self, stage: str, model: nn.Sequential) -> None:
        """Begin the "float" or the "integer" stage with a model."""
        self.stage, self.epoch = stage, 0
        self.model = model.to(self.device, memory_format=torch.channels_last).train()
        decay = self.recipe.weight_decay
        self.optimizer = torch.optim.AdamW(model.parameters(), weight_decay=decay, fused=True)
        self.sparsity = self._sparsity()

    def _sparsity(self) -> Sparsity:
        """Return the masks of the stage: learned in float, then fixed."""
        total = self.steps_per_epoch * self.recipe.epochs
        begin, end = round(self.recipe.begin * total), round(self.recipe.end * total)
        rules = mask_rules(self.variant, begin, end)
        if self.stage == "integer":
            rules = {name: CurrentMask() for name in rules}
        return sparsify(self.model, rules, seed=self.seed)

    def _schedule(self, progress: float) -> None:
        """Set the rate, the augmentation, the winners and their boosting for a point of the stage."""
        in_float = self.stage == "float"
        self.share = augmented_share(progress if in_float else 1.0, self.recipe)
        peak = self.recipe.peak_rate if in_float else self.recipe.finetune_rate
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(progress, peak)
        for name, layer in winner_layers(self.model).items():
            layer.k = winners_at(progress if in_float else 1.0, self.recipe, self.variant)[name]
            remaining = max(0.0, 1 - progress / self.recipe.end) if in_float else 0.0
            layer.boost_strength = self.recipe.boost_strength * remaining

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the loss of one augmented batch."""
        precise = torch.autocast(self.device.type, torch.bfloat16, enabled=_has_bfloat16(self.device))
        with precise:
            scores = self.model(x).float()
        loss = functional.cross_entropy(scores, y, label_smoothing=self.recipe.smoothing)
        if self.teacher is None:
            return loss
        with torch.no_grad(), precise:
            target = self.teacher(x).float()
        heat, share = self.recipe.temperature, self.recipe.distillation
        hoped, found = (target / heat).softmax(1), (scores / heat).log_softmax(1)
        soft = functional.kl_div(found, hoped, reduction="batchmean")
        return (1 - share) * loss + share * heat**2 * soft

    def run_epoch(self, epochs: int) -> dict:
        """Train for one of the stage's `epochs`, evaluate on val, and return what happened."""
        started, losses = time.monotonic(), []
        for index, (x, y) in enumerate(self._batches()):
            self._schedule((self.epoch + index / self.steps_per_epoch) / epochs)
            x = augment(x, y == SILENCE, self.noise, self.share)
            loss = self._loss(x.contiguous(memory_format=torch.channels_last), y)
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
            "val": accuracy(self.model, self.data["val"]),
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


def _has_bfloat16(device: torch.device) -> bool:
    """Say whether 16-bit arithmetic is native: a processor that emulates it takes eight times as long."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()


def describe(record: dict) -> str:
    """Return one line about an epoch."""
    winners = "/".join(map(str, record["winners"].values())) or "all"
    return (
        f"{record['stage']:7} {record['epoch']:3} loss {record['loss']:.3f} "
        f"val {record['val']['plain']:.4f} balanced {record['val']['balanced']:.4f} "
        f"winners {winners} nonzeros {record['nonzeros']:,} {record['seconds']:.0f} s"
    )


def main() -> None:
    """Parse the command line, train, and write the checkpoint and its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the packed features")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write; figures go to OUT.json")
    parser.add_argument("--variant", choices=VARIANTS, default="sparse_sparse")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--teacher", type=Path, help="checkpoint to distill from")
    parser.add_argument("--start", type=Path, help="checkpoint whose weights to start with")
    parser.add_argument("--resume", action="store_true", help="continue from OUT.resume if it is there")
    for field in dataclasses.fields(Recipe):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=type(field.default), default=field.default)
    arguments = parser.parse_args()
    recipe = Recipe(**{f.name: getattr(arguments, f.name) for f in dataclasses.fields(Recipe)})
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = {name: load_split(arguments.data, name).to(device) for name in ("train", "val", "devtest")}
    teacher = load_checkpoint(arguments.teacher).float().to(device) if arguments.teacher else None
    start = load_checkpoint(arguments.start).float() if arguments.start else None
    trainer = Trainer(arguments.variant, recipe, data, arguments.seed, teacher, start)
    train(trainer, arguments.out, arguments.resume)


def train(trainer: Trainer, out: Path, resume: bool) -> None:
    """Run both stages to their end, saving after each epoch, and write the results."""
    progress = out.with_name(out.name + ".resume")
    if resume and progress.exists():
        trainer.load(progress)
    for stage, epochs in (("float", trainer.recipe.epochs), ("integer", trainer.recipe.finetune_epochs)):
        if trainer.stage != stage:
            continue
        while trainer.epoch < epochs:
            print(describe(trainer.run_epoch(epochs)), flush=True)
            trainer.save(progress)
        if stage == "integer":
            round_biases(trainer.model)
        scores = {name: accuracy(trainer.model, trainer.data[name]) for name in ("val", "devtest")}
        trainer.results[stage] = scores
        print(stage, scores, flush=True)
        if stage == "float":
            trainer.start_integer_stage()
            trainer.save(progress)
    save_checkpoint(trainer.model, out)
    facts = {"variant": trainer.variant, "seed": trainer.seed, "recipe": dataclasses.asdict(trainer.recipe)}
    facts |= {"taught": trainer.teacher is not None, "accuracy": trainer.results}
    facts |= {"nonzeros": nonzero_weights(trainer.model), "history": trainer.history}
    out.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
