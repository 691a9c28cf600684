"""Whole boards, placed and routed with the open tools: the clock that is left, and words a second with it."""

import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.results import Part
from benchmarks.throughput import MODELS, real_words
from compiler import pipeline

__all__ = ["LOGS", "PARTS", "TEXT"]

TEXT = """
`python -m compiler build MODEL --board BOARD`, `verify` and `bitstream`, at most with `--interval`, `--clock`
and `--seed`: the network and its shell with the serial line and the self-test, to a `.bit`. The clock is what
nextpnr's timing of the routed design allows in the slowest speed grade; words a second are that clock ÷ the
interval simulated in Verilator. No board was loaded. What nextpnr said of each is in `benchmarks/routed/`.
"""
KINDS = {
    "words_per_second": "placed and routed", "interval": "simulated", "words_verified": "counted",
    "mismatches": "counted", "clock_mhz": "placed and routed", "clock_reached_mhz": "placed and routed",
    "clock_aimed_for_mhz": "assumed", "lut": "placed and routed", "of_all_lut": "placed and routed",
    "lut_predicted_without_shell": "predicted",
    "ff": "placed and routed", "dsp": "placed and routed", "bram18": "placed and routed",
    "slowest_path_from": "placed and routed", "slowest_path_to": "placed and routed",
    "seed": "counted", "nextpnr": "counted", "seconds": "measured",
}  # fmt: skip
DIGITS = MODELS.parent / "mnist"


@dataclass(frozen=True)
class Wish:
    """What is asked of a build and of its routing; None for what the board suggests."""

    interval: int | None = None
    clock_mhz: float | None = None
    seed: int = 1


UNHURRIED = {"sparse_sparse": Wish(1_600), "sparse_sparse_fast": Wish(1_600, 80, 3)}
"""For the 85F: plans that fill its budget are faster by cycles, but harder to route."""
LOGS = Path(__file__).with_name("routed")
TOLD = re.compile(r"(Info: (\s+(TRELLIS|DP16KD|MULT18|EHXPLLL|DCCA)|HeAP|Max|Routing|Router)|Warning: Max)")
"""Lines of a log that tell of a result, not of how far it is."""


def measure(model: Path, board: str, words: Path | None, wish: Wish, folder: Path) -> dict[str, Any]:
    """Build, verify, place and route one network for one board."""
    samples = real_words(folder.with_name("words.npz")) if words is None else words
    bundle = pipeline.build(model, board=board, output=folder, samples=samples, interval=wish.interval)
    verdict = bundle.verify(stalls=("none",)).to_json()
    found = bundle.bitstream(
        clock_mhz=wish.clock_mhz, seed=wish.seed, progress=lambda step: print(step, flush=True)
    )
    scratch = bundle.directory / "nextpnr-ecp5"
    LOGS.mkdir(exist_ok=True)
    (LOGS / f"{board}-{network_of(model)}.log").write_text(digest((scratch / "timing.log").read_text()))
    interval = verdict["interval_cycles"]["simulated"]
    lut, all_lut = found.resources["lut"]
    return {
        "words_per_second": round(found.clock_mhz * 1e6 / interval),
        "interval": interval,
        "words_verified": verdict["bit_exact"]["vectors"],
        "mismatches": verdict["bit_exact"]["mismatches"],
        "clock_mhz": round(found.clock_mhz, 1),
        "clock_reached_mhz": round(found.reached_mhz, 1),
        "clock_aimed_for_mhz": round(found.wanted_mhz, 1),
        "lut": lut,
        "of_all_lut": round(lut / all_lut, 3),
        "lut_predicted_without_shell": round(bundle.report["folding"]["resources"]["lut"]["need"]),
        **{name: found.resources[name][0] for name in ("ff", "dsp", "bram18")},
        **slowest_path(json.loads((scratch / "timing.json").read_text()), found.wanted_mhz),
        "seed": found.seed,
        "nextpnr": found.tools["nextpnr-ecp5"],
        "seconds": found.seconds,
    }


def network_of(model: Path) -> str:
    """Return what a network is called here: that of speech sounds, its fast version, the digits."""
    return model.parent.name + model.stem.removeprefix("sparse_sparse")


def digest(log: str) -> str:
    """Return the lines of nextpnr's log that tell what came of it."""
    return "".join(f"{line}\n" for line in log.splitlines() if TOLD.match(line))


def slowest_path(report: dict[str, Any], wanted_mhz: float) -> dict[str, str]:
    """Return from where to where the slowest path of the design's own clock leads, by names of its cells."""
    wanted = [name for name, one in report["fmax"].items() if abs(one["constraint"] / wanted_mhz - 1) < 0.01]
    ends = (f"posedge {wanted[0]}",) * 2
    path = next(path["path"] for path in report["critical_paths"] if (path["from"], path["to"]) == ends)
    return {"slowest_path_from": path[0]["from"]["cell"], "slowest_path_to": path[-1]["to"]["cell"]}


PARTS = [
    Part("routed", f"{board}-{network_of(model)}", partial(measure, model, board, *how), KINDS)
    for board, model, *how in (
        *(("ulx3s-85f", MODELS / f"{name}.pt", None, wish) for name, wish in UNHURRIED.items()),
        ("ulx3s-25f", DIGITS / "sparse_sparse.pt", DIGITS / "vectors.npz", Wish()),
    )
]
