"""Mean and range over seeds."""

import json
from pathlib import Path

import pytest

from models.gsc.spread import spread

FOLDER = Path(__file__).resolve().parents[2] / "models" / "gsc"


def run(seed: int, share: float, variant: str = "dense", *, epochs: int = 3, **how: bool) -> dict:
    score = {split: {"balanced": share} for split in ("val", "devtest")}
    accuracy = {"float": score, "integer": score}
    facts = {"variant": variant, "seed": seed, "recipe": {"epochs": epochs}, "taught": False}
    return facts | how | {"accuracy": accuracy}


def test_a_row_has_the_mean_and_the_range_of_a_variant():
    table = spread([run(0, 0.9), run(1, 0.94), run(0, 0.8, "sparse_dense")])
    assert table.splitlines()[2].startswith("| dense | 0, 1 | 92.00 (90.0 to 94.0) |")
    assert table.splitlines()[3].startswith("| sparse_dense | 0 | 80.00 (80.0 to 80.0) |")


@pytest.mark.parametrize(
    "other", [run(0, 0.9), run(1, 0.9, epochs=4), run(1, 0.9, taught=True), run(1, 0.9, settled_masks=True)]
)
def test_runs_that_say_nothing_about_chance_are_refused(other):
    with pytest.raises(ValueError, match=r"dense: (seeds must differ|recipes must be the same)"):
        spread([run(0, 0.9), other])


def test_the_model_card_has_the_table_of_the_shipped_runs():
    files = [FOLDER / f"{name}.json" for name in ("dense", "sparse_dense", "sparse_sparse")]
    files += sorted((FOLDER / "seeds").glob("*.json"))
    assert spread(json.loads(path.read_text()) for path in files) in (FOLDER / "README.md").read_text()
