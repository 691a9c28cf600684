"""A small network goes all the way: synthesized, placed, routed, packed, for a board that exists."""

import json

import compiler
import compiler.__main__ as command_line
from benchmarks.networks import network

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
