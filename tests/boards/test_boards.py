import json
import re
import sys
from dataclasses import replace

import pytest

import compiler
import compiler.__main__ as command_line
from benchmarks.networks import network
from boards import Board, UnknownBoard, all_boards, facts, find

NAMES = [board.name for board in all_boards()]


def test_the_three_boards_of_the_command_line_exist():
    assert {"u250", "zu3eg", "ecp5-85f"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_board_is_found_by_its_name(name):
    assert find(name).name == name


def test_a_budget_is_three_quarters_of_each_resource():
    assert dict(find("u250").budget) == {
        "lut": 1_296_000, "ff": 2_592_000, "dsp": 9_216, "bram36": 2_016, "uram": 960,
    }  # fmt: skip
    assert dict(find("ecp5-85f").budget) == {
        "lut": 62_730, "ff": 62_730, "dsp": 117, "bram18": 156, "uram": 0,
    }  # fmt: skip


def test_a_board_may_leave_more_tables_to_routing_than_of_the_rest():
    board = replace(find("u250"), lut_fraction=0.5)
    assert (board.budget["lut"], board.budget["dsp"]) == (864_000, 9_216)


@pytest.mark.parametrize(
    ("typed", "nearest"), [("u25", "u250"), ("U250", "u250"), ("zu3", "zu3eg"), ("ecp5", "ecp5-85f")]
)
def test_a_misspelt_board_names_the_nearest_ones(typed, nearest):
    with pytest.raises(UnknownBoard, match=f"^--board: no board is named '{typed}'; try {nearest}"):
        find(typed)


def test_a_name_near_nothing_lists_every_board():
    with pytest.raises(UnknownBoard) as error:
        find("?")
    assert all(name in error.value.next for name in NAMES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "U250"}, "name must be lower case without spaces, not 'U250'"),
        ({"clock_source": "guessed"}, "clock_source must be one of ('assumed', 'placed and routed')"),
        ({"clock_mhz": 0}, "clock_mhz must be positive, not 0"),
        ({"budget_fraction": 1.5}, "budget_fraction must be above 0 and at most 1, not 1.5"),
        ({"lut_fraction": 0}, "lut_fraction must be above 0 and at most 1, not 0"),
        ({"dsp": -1}, "dsp must be at least 0, not -1"),
    ],
)
def test_wrong_facts_are_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(find("u250"), **change)


def test_boards_compare_by_their_facts():
    assert find("u250") == find("u250") != find("zu3eg")
    assert isinstance(find("zu3eg"), Board)


MADE_UP = '''
"""A board that nobody sells, with a flow of its own."""

from dataclasses import dataclass

from boards.board import Board
from boards.flows import Implementation


@dataclass(frozen=True)
class MadeUpFlow:
    ending: str
    name: str = "made-up-flow"

    def run(self, job):
        job.progress("nothing")
        folder = job.directory / self.name
        folder.mkdir()
        (folder / f"top.{self.ending}").write_bytes((job.directory / "rtl" / "top.v").read_bytes())
        return Implementation(
            bitstream=f"{self.name}/top.{self.ending}", clock_mhz=40, reached_mhz=41,
            wanted_mhz=job.clock_mhz, resources={"lut": (1, job.board.lut)}, tools={}, seconds=0.0,
        )


BOARD = Board(
    name="made-up", title="Made up", part="M1", family="ECP5", synthesis="synth_ecp5", lut_inputs=4,
    lut=30_000, ff=30_000, dsp=40, block_ram=60, block_ram_kbit=18, uram=0, clock_mhz=50,
    clock_source="assumed", host_interface="none", flow=MadeUpFlow("bits"),
)
'''


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Add one file of facts, and forget it afterwards."""
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "made_up.py").write_text(MADE_UP)
    monkeypatch.setattr(facts, "__path__", [*facts.__path__, str(tmp_path / "facts")])
    all_boards.cache_clear()
    yield "made-up"
    all_boards.cache_clear()
    sys.modules.pop("boards.facts.made_up", None)


def test_a_board_is_one_file_of_facts(made_up, tmp_path, capsys):
    assert command_line.main(["boards", "--json"]) == 0
    assert made_up in [board["name"] for board in json.loads(capsys.readouterr().out)]
    model, shape = network("one_by_one")
    bundle = compiler.build(model, board=made_up, output=tmp_path / "build", input_shape=shape)
    assert (bundle.report["board"]["clock_mhz"], bundle.report["board"]["clock_source"]) == (50, "assumed")
    bundle.bitstream(clock_mhz=45)
    implementation = bundle.report["implementation"]
    assert implementation["bitstream"] == "made-up-flow/top.bits"
    assert bundle.report["clock_mhz"] == {"value": 40, "source": "placed and routed"}
    assert (bundle.directory / implementation["bitstream"]).is_file()
