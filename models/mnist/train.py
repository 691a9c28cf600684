"""Train the digit network: `python -m models.mnist.train --data mnist.npz --out FILE`."""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from compiler.nn import CurrentMask, KWinners, KWinners2d, Sparsity, quantize_aware, round_biases, sparsify
from models.checkpoint import load_checkpoint, save_checkpoint
from models.mnist.data import Split, load_split, warp
from models.mnist.network import K, mask_rules, network

__all__ = ["accuracy", "main", "train", "train_again"]

BATCH = 128
PEAK_RATE, FINETUNE_RATE = 4e-3, 4e-4
SETTLED = 0.5
"""Part of the float stage after which masks and winners stay as they are."""


@torch.no_grad()
def accuracy(model: nn.Module, split: Split) -> float:
    """Return the share of digits that are right, in evaluation mode; the model is left in training."""
    model.eval()
    answers = torch.cat([model(x.float()).argmax(1) for x in split.x.split(500)])
    model.train()
    return float((answers == split.y).float().mean())


def set_winners(model: nn.Sequential, progress: float) -> None:
    """Let k fall geometrically, from all units to the final number at `SETTLED`."""
    part = min(1.0, progress / SETTLED)
    for name, everyone in (("winners1", 16), ("winners2", 32), ("winners3", 128)):
        layer: KWinners | KWinners2d = model.get_submodule(name)
        layer.k = round(everyone * (K[name] / everyone) ** part)


def run_stage(model: nn.Sequential, sparsity: Sparsity, split: Split, epochs: int, peak: float) -> None:
    """Train a model for some epochs, at a rate that rises shortly and falls to 0."""
    steps_per_epoch = len(split) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, epochs * steps_per_epoch, pct_start=0.1)
    in_float = "batchnorm1" in dict(model.named_children())
    for epoch in range(epochs):
        order = torch.randperm(len(split))[: steps_per_epoch * BATCH]
        for step, chosen in enumerate(order.split(BATCH)):
            set_winners(model, (epoch + step / steps_per_epoch) / epochs if in_float else 1.0)
            scores = model(warp(split.x[chosen]))
            loss = functional.cross_entropy(scores, split.y[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            sparsity.step()


def train_again(data: Path, trained: Path, epochs: int, seed: int) -> tuple[nn.Sequential, dict]:
    """Train a network of integers on, its first layer held: others of its weights, for the same hardware.

    Parameters
    ----------
    data, epochs, seed : as of :func:`train`
    trained : Path
        A checkpoint of one's own; its masks stay.

    Returns
    -------
    nn.Sequential, dict
    """
    torch.manual_seed(seed)
    splits = {name: load_split(data, name) for name in ("train", "val", "test")}
    model = load_checkpoint(trained).float().train()
    rules = {name: CurrentMask() for name in mask_rules(0)}
    for name, layer in model.named_children():
        layer.requires_grad_(name != "conv1")
    run_stage(model, sparsify(model, rules, seed=seed), splits["train"], epochs, FINETUNE_RATE)
    round_biases(model)
    facts = {name: accuracy(model, splits[name]) for name in ("val", "test")}
    return model, {"seed": seed, "from": trained.name, "epochs": epochs, "integer": facts}


def train(data: Path, epochs: int, finetune_epochs: int, seed: int) -> tuple[nn.Sequential, dict]:
    """Train in float, then in integers.

    Parameters
    ----------
    data : Path
        What :func:`models.mnist.data.load_split` reads.
    epochs, finetune_epochs : int
        Of the two stages.
    seed : int

    Returns
    -------
    nn.Sequential, dict
        The integer model, and the accuracy of both stages on "val" and "test".
    """
    torch.manual_seed(seed)
    splits = {name: load_split(data, name) for name in ("train", "val", "test")}
    model, facts = network().train(), {"seed": seed, "epochs": [epochs, finetune_epochs]}
    end = round(SETTLED * epochs * (len(splits["train"]) // BATCH))
    rules, peak = mask_rules(end), PEAK_RATE
    for stage, count in (("float", epochs), ("integer", finetune_epochs)):
        started = time.monotonic()
        run_stage(model, sparsify(model, rules, seed=seed), splits["train"], count, peak)
        if stage == "integer":
            round_biases(model)
        facts[stage] = {name: accuracy(model, splits[name]) for name in ("val", "test")}
        print(f"{stage} {facts[stage]} {time.monotonic() - started:.0f} s", flush=True)
        if stage == "float":
            model = quantize_aware(model)
            rules, peak = {name: CurrentMask() for name in rules}, FINETUNE_RATE
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    facts["nonzeros"] = {name: int((layer.weight != 0).sum()) for name, layer in layers}
    return model, facts


def main() -> None:
    """Parse the command line, train, and write the checkpoint and its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the digits, an .npz")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write; figures go to OUT.json")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--finetune-epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--again", type=Path, metavar="FILE",
        help="train this checkpoint on, conv1 held, for --finetune-epochs: weights for the same hardware",
    )  # fmt: skip
    arguments = parser.parse_args()
    if arguments.again:
        made = train_again(arguments.data, arguments.again, arguments.finetune_epochs, arguments.seed)
    else:
        made = train(arguments.data, arguments.epochs, arguments.finetune_epochs, arguments.seed)
    model, facts = made
    save_checkpoint(model, arguments.out)
    arguments.out.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
