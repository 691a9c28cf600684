"""A board as its bitstream has it, from pin to pin: UART, two clocks, self-test, lamps, a design within."""

import os

import numpy as np
import pytest

import boards
import compiler
from benchmarks.networks import network
from benchmarks.serial_line import BoardLine, build_board
from benchmarks.serial_link import exercise
from boards.host import Link, SerialBoard
from hdl.axi.self_test import EXPECTED, register_address
from sim.contract import load_contract
from sim.vectors import load_vectors

SLOTS = boards.find("ulx3s-25f").flow.slots
RUNNING, PASSED, FAILED = 1, 2, 4
CLOCK_MHZ = 13
FRAMES = int(os.environ.get("N", 60))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a build directory and a simulator of its board."""
    folder = tmp_path_factory.mktemp("board")
    model, shape = network("linear_only")
    bundle = compiler.build(model, board="ulx3s-25f", output=folder / "build", input_shape=shape)
    return bundle.directory, build_board(bundle.directory, folder, CLOCK_MHZ)


def a_line(built, **how):
    directory, simulator = built
    return BoardLine(simulator, directory, clock_mhz=CLOCK_MHZ, **how)


def test_lamps_tell_how_the_self_test_went(built):
    directory, _ = built
    vectors = load_vectors(directory / "vectors.npz", load_contract(directory))
    with a_line(built) as line:
        board = SerialBoard(Link(line), directory, SLOTS)
        assert (board.register("frames"), board.register("mismatches")) == (SLOTS, 0)
        assert line.lamps == PASSED
        board.link.write(EXPECTED, bytes([int(vectors.logits[0, 0]) & 0xFF ^ 1]))
        assert board.self_test(SLOTS).mismatches == 1
        assert line.lamps == FAILED
        board.link.write(register_address("frames"), (100_000).to_bytes(4, "little"))
        board.link.write(register_address("run"), bytes([77]))
        line.read(4096)
        assert line.lamps == RUNNING


@pytest.mark.parametrize(("skew", "noise"), [(1.02, 0), (0.98, 0.01)])
def test_a_board_answers_a_host_whose_clock_is_off(built, skew, noise):
    directory, _ = built
    vectors = load_vectors(directory / "vectors.npz", load_contract(directory)).first(SLOTS)
    with a_line(built, noise=noise, skew=skew, seed=3) as line:
        board = SerialBoard(Link(line), directory, SLOTS)
        assert np.array_equal(board.predict(vectors.x), vectors.logits)
        assert (board.link.repeated > 0) == (line.spoiled > 0) == (noise > 0)


def test_nothing_wrong_is_accepted_and_nothing_lost_goes_unreported(built):
    directory, _ = built
    with a_line(built, noise=0.01, seed=7, lasts=80) as line:
        found = exercise(line, directory, SLOTS, FRAMES)
    assert (found["wrong"], found["lost"]) == (0, 0)
    assert found["requests_repeated"] >= found["frames_that_the_board_refused"] > 0
    print(found)
