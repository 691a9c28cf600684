"""Killed at random points, a build is whole or absent; and one that was tampered with is refused."""

import shutil

import pytest

import compiler
from benchmarks.kills import kill_builds
from benchmarks.networks import network
from compiler.errors import ToolFailed
from compiler.weights import reweight


def test_a_killed_build_is_whole_or_absent(tmp_path):
    outcome = kill_builds(tmp_path, kills=6, seed=3)
    assert outcome["killed"] == 6
    assert outcome["whole"] + outcome["absent"] == outcome["killed"] + outcome["ended before"]
    assert 2 <= outcome["over an earlier one"] <= outcome["whole"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    model, shape = network("image_out")
    target = tmp_path_factory.mktemp("tampered") / "out"
    return compiler.build(model, board="u250", input_shape=shape, output=target)


def _change(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


TAMPERING = {
    "changed": lambda build: _change(build / "rtl" / "top.v"),
    "new": lambda build: (build / "rtl" / "more.v").write_text("module more; endmodule\n"),
    "missing": lambda build: (build / "vectors.npz").unlink(),
    "image": lambda build: (build / "rtl" / "images" / "more.hex").write_text("00\n"),
    "graph": lambda build: _change(build / "integer_graph.npz"),
    "no-hashes": lambda build: (build / "manifest.json").write_text('{"format": 1}'),
}


COMMANDS = {
    "verify": lambda copy: compiler.Bundle.open(copy).verify(),
    "synth": lambda copy: compiler.Bundle.open(copy).synthesize(),
    "bitstream": lambda copy: compiler.Bundle.open(copy).bitstream(),
    "weights": lambda copy: reweight(copy, copy / "model.pt"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("tampering", TAMPERING)
def test_a_directory_that_was_tampered_with_is_refused(bundle, tampering, command, tmp_path):
    copy = shutil.copytree(bundle.directory, tmp_path / "copy")
    TAMPERING[tampering](copy)
    with pytest.raises(ToolFailed, match="was changed after the build|is no build directory"):
        COMMANDS[command](copy)
