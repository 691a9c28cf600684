"""Verify a build directory: play its vectors into its Verilog under every stall pattern, and judge."""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sim.faults import FaultResult, Played, provoke
from sim.inside import ExpectedLayers, fault_inside
from sim.judge import Judgement, judge, measure
from sim.locate import broken_streams, find_difference, place_of, stalled_stream
from sim.recording import Recording, read_choices, read_recording, read_stuck, read_taps
from sim.script import Script
from sim.session import STALLS, Session, open_session
from sim.toolchain import simulator_name
from sim.verdict import Failure, PatternResult, Verdict, write_verdict
from sim.verilator import build_simulator, scratch_folder

__all__ = ["verify"]

WAVES = "waves.vcd"


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
    faults: bool = False,
    expected_layers: ExpectedLayers | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Verdict:
    """Simulate the Verilog of a build directory; compare every logit, and the first frames layer by layer.

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
    faults : bool
        Whether to hold up streams inside the design, and to break frames, too: see sim/faults.py.
    expected_layers : callable, optional
        Gives the right tensors of the layers, see sim/inside.py: with it every layer is compared in the first
        frames, and a fault is traced to the first layer that differs.
    progress : callable
        Is told each step.

    Raises
    ------
    SimulationError
        A tool is missing or failed, or the directory is damaged. A wrong design is no error, but a verdict.
    """
    # The simulator runs elsewhere, so a relative path would lead it astray.
    session = open_session(Path(directory).resolve(), vectors, stalls, expected_layers)
    progress("building the simulator")
    simulator = build_simulator(session.directory, session.contract)
    outcomes = _run_patterns(session, simulator, [*dict.fromkeys(stalls)], progress)
    failed = next((outcome for outcome in outcomes if outcome.judgement.fault), None)
    failure, wave_file = None, None
    if failed or waves:
        progress("building a simulator that writes waves")
        traced = build_simulator(session.directory, session.contract, waves=True)
        progress("replaying the first wrong frame" if failed else "writing waves of the first frame")
        failure, wave_file = _replay(session, traced, failed or outcomes[0], expected_layers)
    provoked = _provoke(session, progress) if faults and not failed else ()
    verdict = Verdict(
        vectors=len(session.vectors),
        patterns=tuple(outcome.result for outcome in outcomes),
        predicted=session.contract.predicted,
        timing=_timing(session, outcomes),
        failure=failure,
        waves=wave_file,
        simulator=simulator_name(),
        faults=provoked,
    )
    write_verdict(session.directory, verdict)
    if wave_file is None:
        (session.directory / "sim" / WAVES).unlink(missing_ok=True)  # of an earlier verdict
    return verdict


def _run_patterns(
    session: Session, simulator: Path, stalls: list[str], progress: Callable[[str], None]
) -> list[_Outcome]:
    """Return what came of each pattern; one is judged while others still run."""
    frames, found = len(session.vectors), {}
    progress(f"simulating {frames} frames, stall patterns {', '.join(stalls)}")
    with scratch_folder() as scratch, closing(session.play_patterns(simulator, scratch, stalls)) as plays:
        for stall, folder, seconds in plays:
            found[stall] = _judge_pattern(session, stall, folder, seconds)
            progress(f"stall pattern {stall}: {found[stall].judgement.correct} of {frames} frames right")
    return [found[stall] for stall in stalls]


def _judge_pattern(session: Session, stall: str, folder: Path, seconds: float) -> _Outcome:
    recording = read_recording(folder).since_reset()
    logs = read_taps(folder, len(session.contract.streams))
    choices = read_choices(folder)
    broken = broken_streams(session.contract, logs, choices)
    judgement = judge(recording, session.vectors, session.contract.output, broken)
    if judgement.fault is None:
        judgement = replace(judgement, fault=fault_inside(session.contract, logs, choices, session.layers))
    count = len(session.vectors)
    wrong = count - judgement.correct
    result = PatternResult(stall, count, wrong, recording.end_cycle, seconds, judgement.fault)
    return _Outcome(result, recording, judgement, choices)


def _provoke(session: Session, progress: Callable[[str], None]) -> tuple[FaultResult, ...]:
    """Do faults in time to a design that is right without them."""
    progress("building a simulator that holds up streams inside the design")
    simulator = build_simulator(session.directory, session.contract, gates=True)

    def play(script: Script, plusargs: dict[str, int | str]) -> Played:
        with scratch_folder() as folder:
            recording = session.play(simulator, folder, plusargs, script)
            logs = read_taps(folder, len(session.contract.streams))
            return Played(recording, logs, read_choices(folder), read_stuck(folder))

    return provoke(session, play, progress=progress)


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
    plusargs = session.plusargs(pattern, min(len(session.vectors), frame + 1 + behind)) | {
        "tap_from": number,
        "tap_frames": 1,
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
