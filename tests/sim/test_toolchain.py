"""What is missing is named, all at once, with the way to get it."""

import pytest

from sim import toolchain
from sim.errors import SimulationError


def test_every_tool_says_what_it_enables_and_how_to_get_it():
    tools = toolchain.find_tools()
    assert {"verilator", "cocotb", "perl", "g++", "make", "libpython"} == {tool.name for tool in tools}
    assert all(tool.enables and tool.remedy for tool in tools)
    assert all(tool.version for tool in tools), "the tests of this folder need every tool"


def test_missing_tools_are_named_together(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    text = r"missing: perl, g\+\+, make; .*apt install perl.*apt install make"
    with pytest.raises(SimulationError, match=text):
        toolchain.require_tools()


def test_the_flags_of_an_outer_make_do_not_reach_ours(monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "-n")
    assert "MAKEFLAGS" not in toolchain.build_environment()


def test_the_simulator_is_named_with_versions():
    assert toolchain.simulator_name().startswith("Verilator 5.")
