"""What a flow started ends with it, whatever ends the flow."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from boards.flows.flow import FlowError
from boards.flows.process import run_program, unwound_by_signals
from sim import programs

ROOT = Path(__file__).parents[3]

# A program of a flow that starts one of its own, as Yosys starts ABC.
PROGRAM = """\
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("child.partial").write_text(str(child.pid))
pathlib.Path("child.partial").rename("child")
child.wait()
"""
# Signals that whoever runs the tests ignores, as nohup and background shells do, would be ignored here, too.
FLOW = """\
import pathlib, signal, sys
from boards.flows.process import run_program
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    run_program("program", [sys.executable, "-c", sys.argv[1]], pathlib.Path("."))
finally:
    pathlib.Path("unwound").touch()
"""


def flow_program(folder):
    run_program("program", ["true"], folder)


def simulator_program(folder):
    programs.run_program(programs.Program("simulator", ["true"], folder, dict(os.environ)))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_flow_and_all_that_it_started(tmp_path, number):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    flow = subprocess.Popen(
        [sys.executable, "-c", FLOW, PROGRAM], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        wait_for((tmp_path / "child").exists)
        child = int((tmp_path / "child").read_text())
        assert alive(child)
        flow.send_signal(number)
        status = flow.wait(timeout=20)
    finally:
        flow.kill()
        flow.wait()
    assert status == (-number if number == signal.SIGINT else 128 + number)
    assert (tmp_path / "unwound").exists()
    wait_for(lambda: not alive(child))


def test_signals_that_someone_handles_are_left_to_them():
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with unwound_by_signals():
            signal.raise_signal(signal.SIGTERM)
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_default_is_back_afterwards_and_other_threads_change_nothing():
    with unwound_by_signals():
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        with unwound_by_signals():
            pass
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL  # the inner one did not take it away
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    held = []

    def elsewhere():
        with unwound_by_signals():
            held.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert held == [signal.SIG_DFL]


def test_a_program_that_fails_is_named_with_what_it_said(tmp_path):
    said = "import sys; print('fine so far'); sys.exit('Error: no such cell')"
    with pytest.raises(FlowError, match="^router: failed with status 1: Error: no such cell; read "):
        run_program("router", [sys.executable, "-c", said], tmp_path)


@pytest.mark.parametrize(("run", "question"), [(flow_program, "wait"), (simulator_program, "poll")])
def test_a_signal_that_comes_when_a_program_has_just_ended_stays_that_signal(
    tmp_path, monkeypatch, run, question
):
    ask = getattr(subprocess.Popen, question)

    def interrupted(process, *arguments, **options):
        monkeypatch.setattr(subprocess.Popen, question, ask)
        process.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, question, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
