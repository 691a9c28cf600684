"""A small network goes all the way: synthesized, placed, routed, packed, for a board that exists."""

import json

import pytest

import boards
import compiler
import compiler.__main__ as command_line
from benchmarks.networks import network
from boards.flows import Job, place_and_route

CLOCK_MHZ = 80


def test_a_small_network_is_placed_and_routed(tmp_path, capsys):
    model, shape = network("linear_only")
    bundle = compiler.build(model, board="ulx3s-25f", output=tmp_path / "build", input_shape=shape)
    assert command_line.main(["bitstream", str(bundle.directory), "--clock", str(CLOCK_MHZ), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    report = bundle.report
    assert report["implementation"] == found
    clock = report["clock_mhz"]
    assert clock["source"] == "placed and routed" and 0.9 * CLOCK_MHZ < clock["value"] <= CLOCK_MHZ
    assert clock["value"] <= found["clock_mhz"]["reached"]
    used = {name: found["resources"][name]["used"] for name in ("lut", "dsp", "bram18")}
    assert used["dsp"] > 0 and used["lut"] > 1000 and used["bram18"] > 0
    # A bitstream begins with what made it, and names the part.
    content = (bundle.directory / found["bitstream"]).read_bytes()
    assert len(content) > 100_000 and b"Part: LFE5U-25F" in content[:200]
    routed = (bundle.directory / "nextpnr-ecp5" / "shell.config").read_text()
    assert "MULT18X18D" in routed or ".REG_INPUTA_CLK CLK0" in routed


@pytest.mark.parametrize(
    ("first", "tries", "routed", "best"),
    [(1, 1, [1], 1), (1, 3, [1, 2, 3], 2), (1, 5, [1, 2, 3, 4], 4), (3, 1, [3], 3)],
)
def test_the_fastest_of_some_tries_is_kept_and_the_first_that_is_fast_enough_ends_them(
    tmp_path, monkeypatch, first, tries, routed, best
):
    tried, said = [], []

    def instead(netlist, constraints, options, *, scratch, cache):
        seed = int(options[-1])
        tried.append(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        for name in ("timing.json", "timing.log"):
            (folder / name).write_text(f"{name} of seed {seed}")
        clock = {"constraint": 80.0, "achieved": {1: 70.0, 2: 72.0, 3: 71.0}.get(seed, 81.0)}
        return place_and_route.Routed(folder / "routed.config", {"fmax": {"clk": clock}})

    monkeypatch.setattr(place_and_route, "place_and_route", instead)
    board = boards.find("ulx3s-25f")
    what = {"directory": tmp_path, "manifest": {}, "board": board, "clock_mhz": 80}
    job = Job(**what, progress=said.append, seed=first, tries=tries)
    seed, found = board.flow._fastest(job, tmp_path / "shell.json", 80)
    assert (tried, seed, found.textual.parent.name) == (routed, best, str(best))
    assert len(said) == len(routed)
    assert (tmp_path / "timing.log").read_text() == f"timing.log of seed {best}"
