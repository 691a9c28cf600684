"""Yosys on a small design, for both families; results from the cache; failures and tampering."""

import json
import shutil

import pytest

import compiler.__main__ as command_line
from boards.synthesis import SynthesisError, job, synthesize
from boards.synthesis.cells import FAMILIES
from compiler.bundle import Bundle
from compiler.errors import ToolFailed
from tests.boards.synthesis.design import STAGE, write_build

EXPECTED = {
    # board: Yosys' command, the block RAM, the memory that holds sixteen bytes and the LUTs it takes
    "u250": ("synth_xilinx -family xcup", "bram36", 8),
    "ecp5-85f": ("synth_ecp5", "bram18", 12),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Keep the cache of these tests apart from the user's."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))


def run(directory, board, **options):
    command, block_ram, _ = EXPECTED[board]
    return synthesize(directory, command=command, block_ram=block_ram, **options)


@pytest.mark.parametrize("board", EXPECTED)
def test_resources_count_every_instance_and_the_memories_in_lookup_tables(tmp_path, board):
    found = run(write_build(tmp_path / "build", board), board)
    stage, top = found.module("stage"), found.module("top")
    assert (stage.instances, top.instances) == (2, 1)
    assert stage.resources["dsp"] == 1 or stage.resources["lut"] > 60  # Yosys may prefer logic for 8 bits
    # An adder of 16 bits takes a lookup table a bit, and the memory what its cells occupy.
    assert stage.resources["lut"] >= 16 + EXPECTED[board][2]
    assert 16 + 4 + 16 <= stage.resources["ff"] <= 16 + 4 + 8 + 16
    assert top.resources == {"lut": 0, "ff": 16, "dsp": 0, EXPECTED[board][1]: 0, "uram": 0}
    for name, amount in found.resources.items():
        assert amount == 2 * stage.resources[name] + top.resources[name]
    assert 2 <= stage.path.levels <= found.path.levels
    assert stage.delay_ps > 0


def test_a_second_run_takes_everything_from_the_cache(tmp_path):
    first = run(write_build(tmp_path / "one", "ecp5-85f"), "ecp5-85f")
    steps = []
    second = run(write_build(tmp_path / "two", "ecp5-85f"), "ecp5-85f", progress=steps.append)
    assert all(module.cached for module in second.modules)
    assert (second.resources, second.path) == (first.resources, first.path)
    assert steps == [
        "stage synthesized, from the cache (1 of 2)", "top synthesized, from the cache (2 of 2)",
    ]  # fmt: skip


def test_another_stage_is_synthesized_anew(tmp_path):
    run(write_build(tmp_path / "one", "ecp5-85f"), "ecp5-85f")
    wider = STAGE.replace("place + 1", "place + i__payload[3:0]")
    found = run(write_build(tmp_path / "two", "ecp5-85f", stage=wider), "ecp5-85f")
    assert not found.module("stage").cached


def test_a_stage_that_yosys_refuses_is_named_with_its_message(tmp_path):
    broken = STAGE.replace("reg [3:0] place = 0;", "reg [3:0] place = ;")
    with pytest.raises(SynthesisError, match=r"^stage: Yosys failed with status 1: .*syntax error"):
        run(write_build(tmp_path / "build", "ecp5-85f", stage=broken), "ecp5-85f")


def test_an_unknown_family_is_refused(tmp_path):
    with pytest.raises(SynthesisError, match="synth_abacus: is no family"):
        synthesize(tmp_path, command="synth_abacus", block_ram="beads")
    assert set(FAMILIES) == {command for command, _, _ in EXPECTED.values()}


def test_a_tampered_directory_is_refused(tmp_path):
    directory = write_build(tmp_path / "build", "ecp5-85f")
    (directory / "rtl" / "stage.v").write_text(STAGE + "// no\n")
    with pytest.raises(ToolFailed, match="was changed after the build: rtl/stage.v"):
        Bundle.open(directory).synthesize()


def test_the_command_prints_a_line_a_stage_and_fills_the_report(tmp_path, capsys):
    directory = write_build(tmp_path / "build", "ecp5-85f")
    report = json.loads((directory / "report.json").read_text())
    facts = {"lut": 83_640, "ff": 83_640, "dsp": 156, "bram18": 208, "uram": 0}
    report["board"] |= {"resources": facts, "budget": facts}
    (directory / "report.json").write_text(json.dumps(report))
    assert command_line.main(["synth", str(directory)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["stage", "elsewhere", "design", "budget"]
    filled = json.loads((directory / "report.json").read_text())
    assert filled["stages"][0]["resources"]["source"] == filled["resources"]["source"] == "synthesized"
    assert filled["resources"]["ff"] == 2 * filled["stages"][0]["resources"]["ff"] + 16
    assert filled["depth"]["levels"] >= filled["stages"][0]["depth"]["levels"] > 0
    assert "Synthesized with Yosys" in (directory / "report.html").read_text()
    assert command_line.main(["synth", str(directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "synthesized"


def test_an_interrupt_leaves_nothing_half_written_and_the_next_run_goes_on(tmp_path, home):
    directory = write_build(tmp_path / "build", "ecp5-85f", lonely=STAGE.replace("stage", "lonely"))
    shutil.rmtree(home / "zeroskip", ignore_errors=True)

    def interrupt(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(directory, "ecp5-85f", workers=1, progress=interrupt)
    kept = list((home / "zeroskip" / "synthesis").iterdir())
    assert len(kept) == 1 and json.loads(kept[0].read_text())["cells"]
    assert sum(module.cached for module in run(directory, "ecp5-85f").modules) == 1


def _of_many_modules(count):
    """Return a stage in which one module holds `count` others, each of a register and an inverter."""
    leaves = "".join(
        f"module leaf{n}(clk, d, q); input clk, d; output reg q = 0;\n"
        "  always @(posedge clk) q <= ~d;\nendmodule\n"
        for n in range(count)
    )
    chain = "".join(f"  leaf{n} l{n}(.clk(clk), .d(w[{n}]), .q(w[{n + 1}]));\n" for n in range(count))
    return (
        "module stage(clk, d, q); input clk, d; output q; inner inner(.clk(clk), .d(d), .q(q)); endmodule\n"
        f"module inner(clk, d, q); input clk, d; output q; wire [{count}:0] w; assign w[0] = d;\n"
        f"{chain}  assign q = w[{count}];\nendmodule\n{leaves}"
    )


@pytest.mark.parametrize("more", [0, 1])
def test_very_many_small_modules_are_opened_before_yosys_looks_at_each_for_each(tmp_path, monkeypatch, more):
    monkeypatch.setattr(job, "MANY_MODULES", 50)
    count = 50 - 2 + more
    (tmp_path / "stage.v").write_text(_of_many_modules(count))
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "log"
    command = FAMILIES["synth_ecp5"].command
    found = job.synthesize_module({"module": "stage", "command": command, "boxes": {}, "log": str(log)})
    assert found["cells"]["TRELLIS_FF"] == count
    opened = log.read_text().index("FLATTEN pass") < log.read_text().index("PROC pass")
    assert opened == bool(more)
    assert set(found["parts"]) <= {"", "inner"}
