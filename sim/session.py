"""What the runs of one verification share: a build directory, its vectors, and how patient to be."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sim.contract import Contract, load_contract
from sim.errors import SimulationError
from sim.inside import FRAMES, ExpectedLayers
from sim.programs import Program, run_program, run_programs
from sim.recording import Recording, read_recording
from sim.script import Script
from sim.vectors import Vectors, load_vectors, pack_frames
from sim.verilator import check_images, simulation

__all__ = ["STALLS", "Session", "open_session"]

STALLS = ("none", "source", "sink", "both")
SHUT = ("sink", "both")
"""Under these the sink is shut at first, until the design is full."""

SEED = 1
QUEUED = 16
"""Frames that fit into queues behind a shut sink, however short their outputs are."""


@dataclass(frozen=True)
class Session:
    """What every run of one verification shares.

    `layers` holds the right tensors of the layers for the first frames by name, int64[frames, channels,
    height, width]; nothing if they are not known.
    """

    directory: Path
    contract: Contract
    vectors: Vectors
    layers: Mapping[str, np.ndarray] = field(default_factory=dict)

    def plusargs(self, stall: str, frames: int | None = None) -> dict[str, int | str]:
        """Return the harness's options: pauses that fill and drain the pipeline, and finite patience.

        With pauses a run opens with `opening` words that are followed by a reset, so that the frames that are
        judged meet a pipeline that was full of others; where the sink pauses it takes nothing until nothing
        moves, before that reset and after it. `frames` is how many are judged; all unless given.
        """
        port, predicted = self.contract.input, self.contract.predicted
        frames = len(self.vectors) if frames is None else frames
        slowest = max(predicted.round_cycles, port.beats, self.contract.output.beats)
        window = 1 << max(6, (slowest // 2).bit_length())
        patience = 64 * window + 8 * (slowest + predicted.latency_cycles)
        opening = self._opening(stall)
        slow = predicted.latency_cycles + slowest * (frames + -(-opening // port.beats))
        return {
            "opening": opening,
            "frames": frames,
            "script": int(opening > 0),
            "words": opening + frames * port.beats,
            "outputs": frames * self.contract.output.beats,
            "tap_frames": min(map(len, self.layers.values()), default=0),
            "source": int(stall in ("source", "both")),
            "sink": int(stall in ("sink", "both")),
            "seed": SEED,
            "window": window,
            "patience": patience,
            "budget": patience + 32 * slow,
            "settle": predicted.latency_cycles + slowest,
            "dam": predicted.latency_cycles + slowest if stall in SHUT else 0,
            # Time is judged without pauses: what a design sets up after a reset must not count.
            "rest": predicted.latency_cycles if stall == "none" else 0,
        }

    def _opening(self, stall: str) -> int:
        """Return how many words come before a reset: what a pipeline holds, and part of a frame."""
        if stall == "none":
            return 0
        predicted, beats = self.contract.predicted, self.contract.input.beats
        queued = QUEUED if stall in SHUT else 1
        held = queued + -(-predicted.latency_cycles // max(1, predicted.round_cycles))
        return held * predicted.instances * beats + beats * STALLS.index(stall) // len(STALLS)

    def write_input(self, folder: Path, plusargs: dict[str, int | str], script: Script | None = None) -> None:
        """Write what the harness reads: what a script says, or the opening and whole frames."""
        opening, frames = int(plusargs["opening"]), int(plusargs["frames"])
        if script is None and opening:
            script = Script(self.vectors.x, self.contract.input)
            script.open_with(opening)
            for frame in range(frames):
                script.whole(frame)
        if script is None:
            words = pack_frames(self.vectors.x[:frames], self.contract.input)
        else:
            words = script.words
            (folder / "script.bin").write_bytes(script.orders)
        (folder / "input.bin").write_bytes(words.tobytes())

    def play(
        self, simulator: Path, folder: Path, plusargs: dict[str, int | str], script: Script | None = None
    ) -> Recording:
        """Run once in `folder`."""
        check_images(run_program(self._simulation(simulator, folder, plusargs, script)))
        return read_recording(folder)

    def play_patterns(
        self, simulator: Path, scratch: Path, stalls: Sequence[str]
    ) -> Iterator[tuple[str, Path, float]]:
        """Run stall patterns side by side; yield each as it ends, its folder in `scratch`, its seconds."""
        folders = [scratch / stall for stall in stalls]
        programs = []
        for stall, folder in zip(stalls, folders, strict=True):
            folder.mkdir()
            programs.append(self._simulation(simulator, folder, self.plusargs(stall)))
        with closing(run_programs(programs)) as ends:
            for number, seconds in ends:
                check_images(programs[number].log)
                yield stalls[number], folders[number], seconds

    def _simulation(
        self, simulator: Path, folder: Path, plusargs: dict[str, int | str], script: Script | None = None
    ) -> Program:
        self.write_input(folder, plusargs, script)
        return simulation(simulator, self.directory, folder, plusargs)


def open_session(
    directory: Path, count: int | None, stalls: Sequence[str], expected_layers: ExpectedLayers | None = None
) -> Session:
    """Read what a build directory promises, and its first `count` vectors, or all of them."""
    contract = load_contract(directory)
    available = load_vectors(directory / "vectors.npz", contract)
    unknown = [stall for stall in stalls if stall not in STALLS]
    if unknown or not stalls:
        raise SimulationError("stall patterns", f"must be of {', '.join(STALLS)}, not {list(stalls)!r}")
    count = len(available) if count is None else count
    if not 1 <= count <= len(available):
        what = f"must be from 1 to {len(available)}, the vectors in the build directory, not {count}"
        raise SimulationError("vectors", what, "build with more samples to have more")
    layers = expected_layers(list(range(min(count, FRAMES)))) if expected_layers else {}
    return Session(directory, contract, available.first(count), layers)
