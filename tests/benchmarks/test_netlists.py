"""What synthesis makes of a design computes what the design does, in the cells of either family."""

import pytest

import compiler
from benchmarks.netlists import FAMILIES, netlist_faults
from benchmarks.networks import network
from sim.session import STALLS
from tests.sim.design import make_vectors, write_design


@pytest.mark.parametrize("board", FAMILIES)
def test_the_netlist_of_a_build_plays_its_vectors(board, tmp_path):
    model, shape = network("image_out")
    built = compiler.build(model, board=board, input_shape=shape, output=tmp_path / "out")
    assert netlist_faults(built.directory, board, tmp_path) == [None] * len(STALLS)


def test_a_netlist_with_a_fault_is_caught(tmp_path):
    directory = write_design(tmp_path / "design", make_vectors(8), fault=1)
    assert any(netlist_faults(directory, "ecp5-85f", tmp_path))
