"""The host's driver and the simulated board understand each other, whatever the line does to their bytes."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import compiler
from benchmarks.networks import network
from benchmarks.serial_line import Line, build_core
from benchmarks.serial_link import exercise
from boards.host import Link, LinkError, SerialBoard
from hdl.axi.self_test import EXPECTED, RESULTS, register_address
from sim.contract import load_contract
from sim.vectors import load_vectors

FRAMES = int(os.environ.get("N", 300))
SLOTS = 8


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a build directory and a simulator of its shell's core."""
    folder = tmp_path_factory.mktemp("serial")
    model, shape = network("linear_only")
    directory = compiler.build(model, board="ulx3s-25f", output=folder / "build", input_shape=shape).directory
    return directory, build_core(directory, SLOTS, folder)


@cache
def vectors_of(directory: Path):
    return load_vectors(directory / "vectors.npz", load_contract(directory)).first(32)


def board_on(line: Line, directory: Path) -> SerialBoard:
    return SerialBoard(Link(line), directory, SLOTS)


def test_a_board_tests_itself_after_reset_and_when_asked(built):
    directory, simulator = built
    with Line(simulator, directory) as line:
        board = board_on(line, directory)
        assert (board.register("frames"), board.register("mismatches")) == (SLOTS, 0)
        few, many = board.self_test(8), board.self_test(200)
        assert few.mismatches == many.mismatches == 0
        report = compiler.Bundle.open(directory).report
        assert (many.cycles - few.cycles) / 192 <= report["interval_cycles"]["predicted"]


def test_a_wrong_output_is_counted_frame_by_frame(built):
    directory, simulator = built
    with Line(simulator, directory) as line:
        board = board_on(line, directory)
        first = int(vectors_of(directory).logits[0, 0]) & 0xFF
        board.link.write(EXPECTED, bytes([first ^ 1]))
        assert board.self_test(20, slots=4).mismatches == 5
        board.link.write(EXPECTED, bytes([first]))
        assert board.self_test(20, slots=4).mismatches == 0


@pytest.mark.parametrize("noise", [0, 0.01])
def test_a_board_answers_as_the_build_does(built, noise):
    directory, simulator = built
    vectors = vectors_of(directory)
    with Line(simulator, directory, noise=noise, seed=3) as line:
        board = board_on(line, directory)
        assert np.array_equal(board.predict(vectors.x), vectors.logits)
        assert (board.link.repeated > 0) == (line.spoiled > 0) == (noise > 0)


def test_nothing_wrong_is_accepted_and_nothing_lost_goes_unreported(built):
    directory, simulator = built
    with Line(simulator, directory, noise=0.01, seed=7) as line:
        found = exercise(line, directory, SLOTS, FRAMES)
    assert (found["wrong"], found["lost"]) == (0, 0)
    # Most spoiled frames were noticed by one side; bytes between frames are ignored.
    assert found["requests_repeated"] >= found["frames_that_the_board_refused"] > 0
    assert found["frames_that_the_host_refused"] > 0
    print(found)


def test_a_silent_board_is_reported():
    class Dead:
        def write(self, data):
            pass

        def read(self, size):
            return b""

    with pytest.raises(LinkError, match="did not answer a request that was sent 3 times"):
        Link(Dead(), tries=3).read(RESULTS, 4)


def of_another_build(directory, folder, change):
    """Return a directory with nothing but the manifest of a build, with some files' hashes changed."""
    (folder / "rtl").mkdir(parents=True)
    (folder / "rtl" / "top.v").write_text("")
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["files"] |= {name: "0" * 64 for name in change}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"command": "another"}))
    return folder


@pytest.mark.parametrize("change", ["rtl/top.v", "vectors.npz"])
def test_another_build_on_the_board_is_refused(built, tmp_path, change):
    directory, simulator = built
    other = of_another_build(directory, tmp_path / "other", [change])
    with Line(simulator, directory) as line, pytest.raises(LinkError, match="the board holds another build"):
        SerialBoard(Link(line), other, SLOTS)


def test_the_same_design_built_by_another_command_is_no_other_build(built, tmp_path):
    directory, simulator = built
    same = of_another_build(directory, tmp_path / "same", [])
    with Line(simulator, directory) as line:
        assert SerialBoard(Link(line), same, SLOTS).register("frames") == SLOTS


def test_a_repeated_start_changes_nothing(built):
    directory, simulator = built
    with Line(simulator, directory) as line:
        board = board_on(line, directory)
        board.self_test(4)
        cycles, done = board.register("cycles"), board.register("done")
        board.link.write(register_address("run"), bytes([done]))
        assert (board.register("cycles"), board.register("done")) == (cycles, done)
