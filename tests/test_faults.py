"""Whole designs recover from faults in time; and if one stands still, its watchdog names the stream."""

import re
from itertools import pairwise

import pytest

import compiler
from benchmarks.faults import provoked
from benchmarks.networks import network
from benchmarks.verilated import build, play, run
from sim.gates import gated_sources
from sim.session import STALLS, open_session


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
        played = play(simulator, session, session.plusargs("none") | broken)
        # All instances share their stages, so that all are broken; which one's turn it is depends on time.
        return re.sub(r"instance_\d\.", "", session.contract.name_stuck(played.stuck) or "nothing")

    assert stuck() == "nothing"
    streams = [name.removeprefix("instance_0.") for name in watched if "instance_1." not in name][1:-1]
    for before, stage in pairwise(streams):
        for side in "io":
            assert stuck(freeze=f"{stage}.{side}", break_at=99) == f"{before} is offered but never taken"
        gone = f"nothing is offered any more behind what last passed {before}"
        assert stuck(lose=f"{stage}.i", break_at=0) == gone
