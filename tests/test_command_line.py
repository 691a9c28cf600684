"""The command line as people and programs meet it: text, JSON, errors and exit statuses."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import compiler.__main__ as command_line
from compiler.command_line import doctor
from compiler.errors import Problem, ToolFailed
from compiler.nn import KWinners
from sim.toolchain import Tool


def model():
    """Return a network of two small layers."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), KWinners(3), nn.Linear(8, 2)).eval()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "tiny.pt"
    torch.save(model(), path)
    return path


@pytest.fixture
def unsupported(tmp_path):
    path = tmp_path / "odd.pt"
    torch.save(nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(4, 2, 3, dilation=2)), path)
    return path


@pytest.fixture
def run(capsys):
    """Run a command line: (exit status, stdout, stderr)."""

    def call(*arguments):
        try:
            status = command_line.main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            status = leaving.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def raising(error):
    """Return a command that fails."""

    def command(options):
        raise error

    return command


@pytest.mark.parametrize("command", sorted(command_line.COMMANDS))
def test_every_command_has_help_of_its_own(run, command):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert "--json" in out and "--traceback" in out


def test_the_help_teaches_a_first_session_and_the_exit_statuses(run):
    status, out, _ = run("--help")
    assert status == 0
    assert all(command in out for command in command_line.COMMANDS)
    assert "build model.pt --board u250" in out
    assert "Exit status: 0 done; 1" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "COMMAND"),
        (("biuld", "model.pt"), "invalid choice: 'biuld'"),
        (("build", "model.pt"), "--board"),
        (("build", "model.pt", "--board", "u250", "--interval", "0"), "must be a positive integer, not '0'"),
        (("check", "model.pt", "--input-shape", "1x32"), "must be C,H,W such as 1,32,32, not '1x32'"),
        (("verify", "dir", "--stall", "never"), "must be all or some of none,source,sink,both, not 'never'"),
        (("verify", "dir", "--vectors", "²"), "must be a positive integer, not '²'"),
    ],
)
def test_a_misspelt_line_is_refused_with_status_2(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err


def test_an_unknown_board_names_the_nearest(run, saved, tmp_path):
    status, out, err = run("build", saved, "--board", "u25", "-o", tmp_path / "out")
    assert (status, out) == (1, "")
    assert err.endswith("error: --board: no board is named 'u25'; try u250 or ulx3s-25f\n")
    assert not (tmp_path / "out").exists()


def test_a_build_goes_from_a_model_to_a_report(run, saved, tmp_path):
    samples = tmp_path / "samples.npz"
    frames = np.random.default_rng(2).standard_normal((5, 6, 1, 1))
    np.savez(samples, x=frames, y=np.zeros(5, dtype=np.int64))
    target = tmp_path / "out"
    status, out, err = run("build", saved, "--board", "ecp5-85f", "-o", target, "--samples", samples)
    assert status == 0, err
    assert out.splitlines()[0].startswith("tiny: ")
    assert "accuracy" in out and "on 5 samples" in out
    assert out.splitlines()[-2:] == [
        f"not verified yet: python -m compiler verify {target}", f"report: {target}/report.html",
    ]  # fmt: skip
    assert all(line.endswith(" s") for line in err.splitlines())
    assert {"load", "quantize", "emit"} <= {line.split()[0] for line in err.splitlines()}
    status, out, _ = run("inspect", target, "--json")
    assert json.loads(out) == json.loads((target / "report.json").read_text())
    status, out, _ = run("inspect", target)
    assert status == 0
    assert "accumulator bits" in out and "ingress" in out


def test_inspect_shows_the_layers_of_a_model(run, saved):
    status, out, _ = run("inspect", saved)
    assert status == 0
    assert "64 of 64 weights are nonzero (100.00%)" in out
    assert "KWinners" in out and "38%" in out


def test_check_passes_a_model_that_can_be_compiled(run, saved):
    status, out, err = run("check", saved)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == f"{saved} can be compiled"


def test_check_lists_every_problem(run, unsupported):
    status, out, _ = run("check", unsupported)
    assert status == 1
    assert "stride" in out and "dilation" in out
    assert out.splitlines()[-1] == f"{unsupported} has 2 problems"


def test_check_as_json_is_one_value(run, unsupported):
    status, out, err = run("check", unsupported, "--json")
    found = json.loads(out)
    assert (status, err) == (1, "")
    assert found["compilable"] is False
    assert len(found["problems"]) == 2
    assert set(found["problems"][0]) == {"where", "what", "next"}


def test_an_error_is_a_line_a_problem(run, monkeypatch):
    error = ToolFailed(Problem("conv1", "is odd", "make it even"), Problem("conv2", "has\nlines"))
    monkeypatch.setitem(command_line.COMMANDS, "doctor", raising(error))
    assert run("doctor") == (1, "", "error: conv1: is odd; make it even\nerror: conv2: has lines\n")
    status, out, err = run("doctor", "--json", "--traceback")
    assert json.loads(out)["error"]["kind"] == "ToolFailed"
    assert "Traceback" in err and err.endswith("error: conv2: has lines\n")


def test_trouble_with_files_is_a_line_as_well(run, monkeypatch):
    error = PermissionError(13, "Permission denied", "x")
    monkeypatch.setitem(command_line.COMMANDS, "boards", raising(error))
    assert run("boards") == (1, "", "error: x: Permission denied\n")


def test_ctrl_c_is_a_line_and_status_130(run, monkeypatch):
    monkeypatch.setitem(command_line.COMMANDS, "boards", raising(KeyboardInterrupt()))
    assert run("boards") == (130, "", "interrupted; nothing was left half-written\n")


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_directory_that_is_no_build_is_refused(run, tmp_path, command):
    status, out, err = run(command, tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {tmp_path}: is no build directory")


def test_boards_are_listed(run):
    status, out, _ = run("boards")
    assert status == 0
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert names == ["u250", "zu3eg", "ecp5-85f", "ulx3s-85f", "ulx3s-25f"]
    status, out, _ = run("boards", "--json")
    assert {board["name"]: board["dsp"] for board in json.loads(out)}["u250"] == 12_288


def test_the_doctor_finds_what_the_tests_run_with(run):
    status, out, _ = run("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(out)}
    assert status == 0
    assert found["numpy"]["version"] == np.__version__
    assert {"python", "amaranth", "torch", "verilator", "g++", "make", "perl"} <= set(found)


def test_the_doctor_says_what_to_do_about_a_missing_tool(run, monkeypatch):
    monkeypatch.setattr(doctor, "find_tools", lambda: (Tool("spoon", None, "soup", "buy a spoon"),))
    status, out, _ = run("doctor")
    assert status == 1
    assert "missing spoon: buy a spoon" in out
