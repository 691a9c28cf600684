"""Verify a build directory: play its vectors into its Verilog under every stall pattern, and judge."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.contract import Contract, load_contract
from sim.errors import SimulationError
from sim.judge import Judgement, judge, measure
from sim.locate import broken_streams, find_difference, place_of, stalled_stream
from sim.recording import Recording, read_choices, read_recording, read_taps
from sim.toolchain import simulator_name
from sim.vectors import Vectors, load_vectors, pack_frames
from sim.verdict import Failure, PatternResult, Verdict, write_verdict
from sim.verilator import build_simulator, run_simulator, scratch_folder

__all__ = ["STALLS", "ExpectedLayers", "Session", "open_session", "verify"]

STALLS = ("none", "source", "sink", "both")
SEED = 1
WAVES = "waves.vcd"

ExpectedLayers = Callable[[list[int]], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Session:
    """What every run of one verification shares."""

    directory: Path
    contract: Contract
    vectors: Vectors

    def plusargs(self, stall: str) -> dict[str, int | str]:
        """Return the harness's options: pauses that fill and drain the pipeline, and finite patience."""
        port, predicted = self.contract.input, self.contract.predicted
        slowest = max(predicted.round_cycles, port.beats, self.contract.output.beats)
        window = 1 << max(6, (slowest // 2).bit_length())
        patience = 64 * window + 8 * (slowest + predicted.latency_cycles)
        return {
            "frames": len(self.vectors),
            "source": int(stall in ("source", "both")),
            "sink": int(stall in ("sink", "both")),
            "seed": SEED,
            "window": window,
            "patience": patience,
            "budget": patience + 32 * (predicted.latency_cycles + slowest * len(self.vectors)),
            "settle": predicted.latency_cycles + slowest,
        }

    def play(self, simulator: Path, folder: Path, plusargs: dict[str, int | str]) -> Recording:
        """Run once in `folder`."""
        frames = self.vectors.x[: int(plusargs["frames"])]
        (folder / "input.bin").write_bytes(pack_frames(frames, self.contract.input).tobytes())
        run_simulator(simulator, self.directory, folder, plusargs)
        return read_recording(folder)


@dataclass(frozen=True)
class _Outcome:
    """One pattern's run with its judgement."""

    result: PatternResult
    recording: Recording
    judgement: Judgement
    choices: list[int]


def verify(
    directory: Path | str,
    *,
    vectors: int | None = None,
    stalls: Sequence[str] = STALLS,
    waves: bool = False,
    expected_layers: ExpectedLayers | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Verdict:
    """Simulate the Verilog of a build directory and compare every logit.

    Parameters
    ----------
    directory : Path
        A build directory, see sim/contract.py. `sim/results.json` is written into it, on failure
        `sim/waves.vcd` as well, and simulators are cached in `sim/cache`.
    vectors : int, optional
        How many vectors; all of them by default.
    stalls : sequence of str
        Stall patterns out of `STALLS`: which side pauses at random.
    waves : bool
        Whether to write waves of the first frame even if nothing is wrong.
    expected_layers : callable, optional
        Gives the right tensors of the layers, int64[len(frames), channels, height, width], for the numbers of
        frames: with it a fault is traced to the first layer that differs.
    progress : callable
        Is told each step.

    Raises
    ------
    SimulationError
        A tool is missing or failed, or the directory is damaged. A wrong design is no error, but a verdict.
    """
    # The simulator runs elsewhere, so a relative path would lead it astray.
    session = open_session(Path(directory).resolve(), vectors, stalls)
    progress("building the simulator")
    simulator = build_simulator(session.directory, session.contract)
    outcomes = []
    for stall in dict.fromkeys(stalls):
        progress(f"simulating {len(session.vectors)} frames, stall pattern {stall}")
        outcomes.append(_run_pattern(session, simulator, stall))
    failed = next((outcome for outcome in outcomes if outcome.judgement.fault), None)
    failure, wave_file = None, None
    if failed or waves:
        progress("building a simulator that writes waves")
        traced = build_simulator(session.directory, session.contract, waves=True)
        progress("replaying the first wrong frame" if failed else "writing waves of the first frame")
        failure, wave_file = _replay(session, traced, failed or outcomes[0], expected_layers)
    verdict = Verdict(
        vectors=len(session.vectors),
        patterns=tuple(outcome.result for outcome in outcomes),
        predicted=session.contract.predicted,
        timing=_timing(session, outcomes),
        failure=failure,
        waves=wave_file,
        simulator=simulator_name(),
    )
    write_verdict(session.directory, verdict)
    if wave_file is None:
        (session.directory / "sim" / WAVES).unlink(missing_ok=True)  # of an earlier verdict
    return verdict


def open_session(directory: Path, count: int | None, stalls: Sequence[str]) -> Session:
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
    return Session(directory, contract, available.first(count))


def _run_pattern(session: Session, simulator: Path, stall: str) -> _Outcome:
    started = time.monotonic()
    with scratch_folder() as folder:
        recording = session.play(simulator, folder, session.plusargs(stall))
        logs = read_taps(folder, len(session.contract.streams))
        choices = read_choices(folder)
    seconds = round(time.monotonic() - started, 3)
    broken = broken_streams(session.contract, logs, choices)
    judgement = judge(recording, session.vectors, session.contract.output, broken)
    count = len(session.vectors)
    wrong = count - judgement.correct
    result = PatternResult(stall, count, wrong, recording.end_cycle, seconds, judgement.fault)
    return _Outcome(result, recording, judgement, choices)


def _timing(session: Session, outcomes: list[_Outcome]):
    for outcome in outcomes:
        if outcome.result.pattern == "none" and outcome.judgement.correct == len(session.vectors):
            return measure(outcome.recording, session.contract.predicted)
    return None


def _replay(
    session: Session, simulator: Path, outcome: _Outcome, expected_layers: ExpectedLayers | None
) -> tuple[Failure | None, str]:
    """Run a pattern again up to its first wrong frame, logging that; the same seed repeats every cycle."""
    fault, pattern = outcome.judgement.fault, outcome.result.pattern
    frame = min(fault.frame, len(session.vectors) - 1) if fault else 0
    predicted = session.contract.predicted
    behind = 2 + int(predicted.latency_cycles / max(1, predicted.interval_cycles)) + 2 * predicted.instances
    instance, number = place_of(frame, outcome.choices)
    starts = outcome.recording.starts
    plusargs = session.plusargs(pattern) | {
        "frames": min(len(session.vectors), frame + 1 + behind),
        "tap_frame": number,
        "tap_instance": instance,
        "wave_from": starts[frame] if frame < len(starts) else 0,
        "wave_file": WAVES,
    }
    with scratch_folder() as folder:
        recording = session.play(simulator, folder, plusargs)
        logs = read_taps(folder, len(session.contract.streams))
        _keep_waves(folder / WAVES, session.directory / "sim")
    if fault is None:
        return None, f"sim/{WAVES}"
    layers = expected_layers([frame]) if expected_layers else {}
    difference = find_difference(
        session.contract, logs, number, {layer: tensors[0] for layer, tensors in layers.items()}, instance
    )
    stalled = stalled_stream(session.contract, recording, logs, outcome.choices) if fault.hang else None
    return Failure(pattern, fault, difference, stalled), f"sim/{WAVES}"


def _keep_waves(source: Path, folder: Path) -> None:
    partial = folder / f"waves-{os.getpid()}.partial"
    try:
        shutil.copy2(source, partial)
        os.replace(partial, folder / source.name)
    finally:
        partial.unlink(missing_ok=True)
