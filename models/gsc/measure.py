"""Measure checkpoints and draw their pictures: `python -m models.gsc.measure --data DIR FILE...`.

Prints the tables of the model card and writes `confusion_NAME.svg` beside each checkpoint.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.checkpoint import load_checkpoint
from models.gsc.augment import PIXELS_PER_NEPER, mix_power
from models.gsc.data import Split, load_split
from models.gsc.evaluate import accuracy, confusion, logits, nonzero_weights
from models.gsc.features import SAMPLE_RATE, log_mel
from models.gsc.pictures import confusion_picture, curves_picture

__all__ = ["activity", "main", "with_white_noise"]

DECIBELS = (20, 10, 5, 0, -5)
"""Power of a clip next to that of the noise added to it, averaged over its pixels."""


@torch.no_grad()
def activity(model: nn.Module, split: Split) -> dict[str, dict[str, float]]:
    """Count the nonzero inputs of each layer that has weights.

    Returns
    -------
    dict
        Layer name → "mean" and "most": the share of inputs that are nonzero, averaged over all clips
        and in the busiest one.
    """
    shares: dict[str, torch.Tensor] = {}

    def note(name: str):
        def hook(layer: nn.Module, inputs: tuple[torch.Tensor]) -> None:
            shares[name] = (inputs[0] != 0).flatten(1).float().mean(dim=1)

        return hook

    layers = {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    hooks = [layer.register_forward_pre_hook(note(name)) for name, layer in layers.items()]
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in layers}
    for x in split.x.split(256):
        model(x.float())
        for name, share in shares.items():
            parts[name].append(share)
    for hook in hooks:
        hook.remove()
    whole = {name: torch.cat(part) for name, part in parts.items()}
    return {name: {"mean": float(share.mean()), "most": float(share.max())} for name, share in whole.items()}


def with_white_noise(split: Split, decibels: float, seed: int = 0) -> Split:
    """Add the features of white noise to those of each clip, as powers.

    Parameters
    ----------
    split : Split
    decibels : float
        Mean power of a clip's pixels next to that of the noise's: the signal-to-noise ratio, as far
        as 32×32 pixels tell it.
    seed : int
        Of the noise, which differs from clip to clip.
    """
    random = np.random.default_rng(seed)
    audio = random.normal(0, 1000, (64, SAMPLE_RATE)).astype(np.int16)
    noise = torch.from_numpy(np.stack([log_mel(clip) for clip in audio])).float().unsqueeze(1)
    drawn = noise[torch.from_numpy(random.integers(len(noise), size=len(split)))]
    clips = split.x.float()
    level = _mean_power(clips) - _mean_power(drawn) - decibels / 10 * np.log(10) * PIXELS_PER_NEPER
    mixed = mix_power(clips, drawn + level).round().clamp(0, 255)
    return Split(mixed.to(torch.uint8), split.y)


def _mean_power(clips: torch.Tensor) -> torch.Tensor:
    """Return float[batch, 1, 1, 1]: the pixel whose power is the mean over a clip's pixels."""
    power = (clips / PIXELS_PER_NEPER).exp().mean(dim=(1, 2, 3), keepdim=True)
    return power.log() * PIXELS_PER_NEPER


def describe(path: Path, data: dict[str, Split]) -> str:
    """Measure one checkpoint and return its tables."""
    model = load_checkpoint(path)
    facts = json.loads(path.with_suffix(".json").read_text())
    busy, nonzeros = activity(model, data["devtest"]), nonzero_weights(model)
    lines = [f"## {path.stem}", ""]
    for stage in ("float", "integer"):
        scores = {name: facts["accuracy"][stage][name] for name in ("val", "devtest")}
        lines.append(f"{stage}: " + ", ".join(f"{name} {_row(score)}" for name, score in scores.items()))
    lines.append("this file: " + ", ".join(f"{name} {_row(accuracy(model, data[name]))}" for name in data))
    lines += ["", "| layer | nonzero weights | active inputs | at most |", "|---|---|---|---|"]
    for name, share in busy.items():
        cells = f"{nonzeros[name]:,} | {share['mean']:.1%} | {share['most']:.1%}"
        lines.append(f"| {name} | {cells} |")
    noisy = [accuracy(model, with_white_noise(data["devtest"], level))["plain"] for level in DECIBELS]
    lines += ["", "noise: " + ", ".join(f"{d} dB {a:.1%}" for d, a in zip(DECIBELS, noisy, strict=True))]
    return "\n".join(lines) + "\n"


def _row(score: dict[str, float]) -> str:
    return f"{score['plain']:.2%} (mean over classes {score['balanced']:.2%})"


def main() -> None:
    """Parse the command line, print the tables, write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the packed features")
    parser.add_argument("checkpoints", type=Path, nargs="+", help="each with its .json beside it")
    arguments = parser.parse_args()
    data = {name: load_split(arguments.data, name) for name in ("val", "devtest")}
    for path in arguments.checkpoints:
        print(describe(path, data), flush=True)
        counts = confusion(logits(load_checkpoint(path), data["devtest"].x), data["devtest"].y)
        path.with_name(f"confusion_{path.stem}.svg").write_text(confusion_picture(counts.tolist()))
    histories = {
        p.stem: json.loads(p.with_suffix(".json").read_text())["history"] for p in arguments.checkpoints
    }
    arguments.checkpoints[0].with_name("curves.svg").write_text(curves_picture(histories))


if __name__ == "__main__":
    main()
