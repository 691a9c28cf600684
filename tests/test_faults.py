"""Whole designs recover from faults in time; and if one stands still, its watchdog names the stream."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

import compiler
from benchmarks.faults import provoked
from benchmarks.networks import network
from benchmarks.verilated import build, play, run
from sim.gates import gated_sources
from sim.script import Script
from sim.session import STALLS, open_session
from sim.verilator import build_simulator

CYCLES = 50
"""Of silence that are looked at."""


@pytest.mark.parametrize(("name", "instances"), [("image_out", 2), ("linear_only", 1)])
def test_a_design_recovers_from_every_kind_of_fault(name, instances, tmp_path):
    model, shape = network(name)
    bundle = compiler.build(
        model, board="u250", input_shape=shape, output=tmp_path / "out", instances=instances
    )
    results = provoked(bundle.directory, [1])
    assert [str(result) for result in results if result.fault] == []
    assert len(results) == 13 and all(result.frames >= 12 for result in results)


@pytest.mark.parametrize("instances", [1, 2])
def test_the_watchdog_names_the_stream_that_is_stuck(instances, tmp_path):
    model, shape = network("image_out")
    directory = compiler.build(
        model, board="u250", input_shape=shape, output=tmp_path / "out", instances=instances, watchdog=True
    ).directory
    session = open_session(directory, None, STALLS)
    watched = session.contract.watched
    simulator = build(session.contract, gated_sources(directory, tmp_path), tmp_path / "simulator")
    assert run(simulator, session, "both").fault is None

    def stuck(**broken):
        # So few frames that instances that lose all still take the last: else the input is stuck, too.
        played = play(simulator, session, session.plusargs("none", frames=32) | broken)
        # All instances share their stages, so that all are broken; which one's turn it is depends on time.
        return re.sub(r"instance_\d\.", "", session.contract.name_stuck(played.stuck) or "nothing")

    assert stuck() == "nothing"
    streams = [name.removeprefix("instance_0.") for name in watched if "instance_1." not in name][1:-1]
    for before, stage in pairwise(streams):
        for side in "io":
            assert stuck(freeze=f"{stage}.{side}", break_at=99) == f"{before} is offered but never taken"
        gone = f"nothing is offered any more behind what last passed {before}"
        assert stuck(lose=f"{stage}.i", break_at=0) == gone


def test_an_idle_design_stands_still_so_that_an_hour_is_like_a_few_cycles(tmp_path):
    """What is synchronous and does not change in a cycle without an event does not change before the next."""
    model, shape = network("image_out")
    directory = compiler.build(
        model, board="u250", input_shape=shape, output=tmp_path / "out", watchdog=True
    ).directory
    session = open_session(directory, None, STALLS)
    script = Script(session.vectors.x, session.contract.input)
    begin = 100 + 2 * session.contract.predicted.latency_cycles
    script.whole(0)
    script.silence(begin + CYCLES)
    script.whole(1)
    plusargs = session.plusargs("none") | {
        "script": 1, "words": len(script.words), "outputs": 2 * session.contract.output.beats,
        "wave_from": begin, "wave_file": "waves.vcd",
    }  # fmt: skip
    simulator = build_simulator(directory, session.contract, waves=True)
    recording = session.play(simulator, tmp_path, plusargs, script)
    assert recording.reason == "complete" and recording.starts[1] > begin + CYCLES
    # Twice as many units of time as cycles: the clock rises and falls.
    changed, seen = changes(tmp_path / "waves.vcd", 2 * CYCLES)
    assert seen > 500
    assert changed == {"clk"}


def changes(waves: Path, units: int) -> tuple[set[str], int]:
    """Return which signals of the design change early in a wave file, and how many there are."""
    names, scopes, times, changed = {}, [], [], set()
    for line in map(str.strip, waves.read_text().splitlines()):
        words = line.split()
        if line.startswith("$scope"):
            scopes.append(words[2])
        elif line.startswith("$upscope"):
            scopes.pop()
        elif words[:1] == ["$var"] and "dut" in scopes:
            names.setdefault(words[3], words[4])
        elif line.startswith("#"):
            times.append(int(line[1:]))
        elif words and line[0] in "01b" and len(times) > 1 and times[-1] - times[0] < units:
            changed |= {names[code] for code in [words[1] if line[0] == "b" else line[1:]] if code in names}
    return changed, len(names)
