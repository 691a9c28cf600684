"""What chance does: `python -m models.gsc.spread FILE.json...` prints means and ranges over seeds.

The files are what `models.gsc.train` writes beside checkpoints.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from statistics import mean

from models.gsc.recipe import Recipe

__all__ = ["main", "spread"]

COLUMNS = [(split, stage) for split in ("val", "devtest") for stage in ("float", "integer")]


def spread(runs: Iterable[dict]) -> str:
    """Return a table of accuracies, mean over classes: a row a variant, seeds counted, ranges in brackets.

    Parameters
    ----------
    runs : iterable of dict
        Facts of training runs.

    Raises
    ------
    ValueError
        If runs of a variant share a seed, or differ in how they were trained: those say nothing about chance.
    """
    variants: dict[str, list[dict]] = {}
    for run in runs:
        variants.setdefault(run["variant"], []).append(run)
    lines = ["| | seeds | " + " | ".join(f"`{split}` {stage}" for split, stage in COLUMNS) + " |"]
    lines.append("|---" * (2 + len(COLUMNS)) + "|")
    for variant, alike in variants.items():
        seeds = sorted(run["seed"] for run in alike)
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"{variant}: seeds must differ, but they are {', '.join(map(str, seeds))}")
        if len(set(map(_how, alike))) > 1:
            raise ValueError(f"{variant}: recipes must be the same in all runs")
        scores = [[run["accuracy"][stage][split]["balanced"] for run in alike] for split, stage in COLUMNS]
        lines.append(f"| {variant} | {', '.join(map(str, seeds))} | " + " | ".join(map(_cell, scores)) + " |")
    return "\n".join(lines)


def _how(run: dict) -> tuple[Recipe, bool, bool]:
    """Return all that a run was told but its seed; what older files leave out is the default."""
    return Recipe(**run["recipe"]), run["taught"], run.get("settled_masks", False)


def _cell(shares: list[float]) -> str:
    return f"{100 * mean(shares):.2f} ({100 * min(shares):.1f} to {100 * max(shares):.1f})"


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    print(spread(json.loads(path.read_text()) for path in options.files))


if __name__ == "__main__":
    main()
