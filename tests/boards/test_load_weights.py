"""Weights of another network, loaded over the line into simulated hardware: its answers, bit for bit."""

import numpy as np
import pytest
import torch

import compiler
from benchmarks.networks import network, retrained
from benchmarks.serial_line import Line, build_core
from boards.host import Link, LinkError, SerialBoard
from boards.shells.serial_shell import LOADING, LOADING_REGISTERS, PAGE_BYTES
from compiler.weights import reweight
from sim.contract import load_contract
from sim.vectors import load_vectors

SLOTS = 4


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a build, the same with other weights, and a simulator of the first one's shell."""
    folder = tmp_path_factory.mktemp("loading")
    model, shape = network("speech_like")
    directory = compiler.build(
        model, board="ulx3s-85f", output=folder / "build", input_shape=shape, reloadable=True
    ).directory
    torch.save(retrained(model, kept=1), folder / "other.pt")
    other = reweight(directory, folder / "other.pt", output=folder / "other").directory
    return directory, other, build_core(directory, SLOTS, folder)


def vectors_of(directory):
    return load_vectors(directory / "vectors.npz", load_contract(directory)).first(8)


@pytest.mark.parametrize("noise", [0, 0.01])
def test_a_board_answers_as_the_other_network_once_its_weights_are_loaded(built, noise):
    directory, other, simulator = built
    before, after = vectors_of(directory), vectors_of(other)
    assert not np.array_equal(before.logits, after.logits)
    with Line(simulator, directory, noise=noise, seed=3) as line:
        board = SerialBoard(Link(line), directory, SLOTS)
        assert np.array_equal(board.predict(before.x), before.logits)
        board = SerialBoard(Link(line), other, SLOTS)
        assert board.self_test(2 * SLOTS).mismatches == 0
        assert np.array_equal(board.predict(after.x), after.logits)
        # Opened again it has them already; and the first ones come back.
        sent = []
        line.write = lambda data, write=line.write: (sent.append(data), write(data))
        SerialBoard(Link(line), other, SLOTS)
        assert sum(map(len, sent)) < 1000
        board = SerialBoard(Link(line), directory, SLOTS)
        assert np.array_equal(board.predict(before.x), before.logits)


def test_a_spoiled_load_is_noticed_and_nothing_is_answered_until_a_whole_one(built):
    directory, other, simulator = built
    content = bytearray((other / "weights.bin").read_bytes())
    content[len(content) // 2] ^= 1
    with Line(simulator, directory) as line:
        board = SerialBoard(Link(line), directory, SLOTS)
        for number in range(-(-len(content) // PAGE_BYTES) + 1):
            if number:
                board.link.write(LOADING, bytes(content[PAGE_BYTES * (number - 1) : PAGE_BYTES * number]))
            board.link.write(LOADING_REGISTERS, number.to_bytes(4, "little"))
        held, failed = board._loading("status") & 1, board._loading("status") >> 1
        assert held and failed and board._loading("checksum") == 0
        board = SerialBoard(Link(line), other, SLOTS)
        assert board._loading("status") == 0
        assert np.array_equal(board.predict(vectors_of(other).x), vectors_of(other).logits)


def test_weights_for_another_build_are_refused(built, tmp_path):
    directory, other, simulator = built
    manifest = (other / "manifest.json").read_text()
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    number = f'"of": {compiler.Bundle.open(directory).build_number}'
    assert number in manifest
    (wrong / "manifest.json").write_text(manifest.replace(number, '"of": 1'))
    (wrong / "rtl").mkdir()
    (wrong / "rtl" / "top.v").write_text("")
    with Line(simulator, directory) as line, pytest.raises(LinkError, match="the board holds another build"):
        SerialBoard(Link(line), wrong, SLOTS)
