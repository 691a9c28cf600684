"""Train the reference network: `python -m models.gsc.train --data DIR --out FILE --variant ...`.

Two stages: float, during which masks and winners thin out, then integer. Progress is printed an
epoch at a time and kept in `FILE.resume`; `--resume` continues from there.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import torch

from compiler.nn import round_biases
from models.checkpoint import load_checkpoint, save_checkpoint
from models.gsc.data import load_split
from models.gsc.evaluate import accuracy, nonzero_weights
from models.gsc.network import VARIANTS
from models.gsc.recipe import Recipe
from models.gsc.trainer import Trainer

__all__ = ["main", "train"]


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
    parser.add_argument("--held", type=Path, help="checkpoint whose conv1 to take and to hold in float")
    parser.add_argument("--settled-masks", action="store_true", help="keep zero what is zero in --start")
    parser.add_argument("--resume", action="store_true", help="continue from OUT.resume if it is there")
    for field in dataclasses.fields(Recipe):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=type(field.default), default=field.default)
    arguments = parser.parse_args()
    if arguments.held and not (arguments.teacher and arguments.start):
        parser.error("--held needs --teacher and --start")
    if arguments.settled_masks and not arguments.start:
        parser.error("--settled-masks needs --start")
    recipe = Recipe(**{f.name: getattr(arguments, f.name) for f in dataclasses.fields(Recipe)})
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = {name: load_split(arguments.data, name).to(device) for name in ("train", "val", "devtest")}
    teacher = load_checkpoint(arguments.teacher).float().to(device) if arguments.teacher else None
    start = load_checkpoint(arguments.start).float() if arguments.start else None
    held = load_checkpoint(arguments.held).float() if arguments.held else None
    trainer = Trainer(
        arguments.variant, recipe, data, arguments.seed, teacher, start, held, arguments.settled_masks
    )
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
    facts |= {"taught": trainer.teacher is not None, "settled_masks": trainer.settled_masks}
    facts |= {"accuracy": trainer.results}
    facts |= {"nonzeros": nonzero_weights(trainer.model), "history": trainer.history}
    out.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
