"""Amaranth's own Verilog simulates; simulators are cached; failures and interrupts leave nothing behind."""

import json
import signal

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from pyosys import libyosys

from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from hdl.streams.queue import Queue, QueueConfig
from sim import programs, verilator
from sim.contract import AxisPort, Contract, Prediction, StreamTap, load_contract
from sim.errors import SimulationError
from sim.vectors import Vectors, save_vectors
from sim.verify import verify
from tests.sim.design import make_vectors, write_design

BYTE = FixedPoint(8, 0, False)


def write_queue(directory):
    """Write a build directory whose network is one queue: four numbers in, the same four out."""
    m = Module()
    m.submodules.queue = queue = Queue(QueueConfig(bits=8, depth=2))
    data_in, data_out = Signal(8, name="s_axis_tdata"), Signal(8, name="m_axis_tdata")
    valid_in, ready_in, last_in = (Signal(name=f"s_axis_t{part}") for part in ("valid", "ready", "last"))
    valid_out, ready_out, last_out = (Signal(name=f"m_axis_t{part}") for part in ("valid", "ready", "last"))
    error, beat = Signal(name="frame_error"), Signal(2)
    m.d.comb += [
        queue.i.payload.eq(data_in),
        queue.i.valid.eq(valid_in),
        ready_in.eq(queue.i.ready),
        data_out.eq(queue.o.payload),
        valid_out.eq(queue.o.valid),
        queue.o.ready.eq(ready_out),
        last_out.eq(beat == 3),
    ]
    m.d.sync += beat.eq(beat + (valid_out & ready_out))
    ports = [data_in, valid_in, ready_in, last_in, data_out, valid_out, ready_out, last_out, error]
    (directory / "rtl" / "images").mkdir(parents=True)
    (directory / "top.il").write_text(rtlil.convert(m, name="top", ports=ports))
    design = libyosys.Design()
    for command in (f"read_rtlil {directory}/top.il", "proc", f"write_verilog -noattr {directory}/rtl/top.v"):
        libyosys.run_pass(command, design)
    form = DenseFormat.natural((1, 2, 2), BYTE, 1)
    names = (f"top.queue.o__{part}" for part in ("valid", "ready", "payload"))
    contract = Contract(
        AxisPort((1, 2, 2), BYTE, 1, 8, 8),
        AxisPort((4, 1, 1), BYTE, 1, 8, 8),
        (StreamTap("queue", None, *names, 8, form),),
        Prediction(interval_cycles=4, latency_cycles=4, interval_exact=True, latency_exact=True),
    )
    x = np.random.default_rng(1).integers(0, 256, (10, 1, 2, 2))
    save_vectors(directory / "vectors.npz", Vectors(x, x.reshape(10, 4)))
    (directory / "manifest.json").write_text(json.dumps(contract.to_json()))


def test_verilog_from_amaranth_is_verified(tmp_path):
    write_queue(tmp_path)
    verdict = verify(tmp_path)
    assert verdict.line == "bit-exact: 10/10 vectors × 4 stall patterns, interval 4 cycles as predicted"


def test_new_weights_need_no_new_simulator_but_new_verilog_does(built, monkeypatch):
    write_design(built, make_vectors(2))
    simulator = verilator.build_simulator(built, load_contract(built))
    (built / "rtl" / "images" / "weights.hex").write_text("000001\n" * 18)
    assert verilator.build_simulator(built, load_contract(built)) == simulator
    monkeypatch.setattr(verilator, "_verilate", lambda folder, arguments: (_ for _ in ()).throw(EOFError))
    with (built / "rtl" / "top.v").open("a") as source:
        source.write("// changed\n")
    with pytest.raises(EOFError):
        verilator.build_simulator(built, load_contract(built))


def test_a_stream_that_is_not_in_the_design_is_named(tmp_path):
    write_design(tmp_path, make_vectors(1))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["streams"][1]["valid"] = "top.winners.o__missing"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SimulationError, match="verilator: failed with status 1: .*o__missing"):
        verify(tmp_path)
    assert not (tmp_path / "sim").exists()


def test_a_missing_memory_image_is_an_error(built):
    write_design(built, make_vectors(2))
    (built / "rtl" / "images" / "weights.hex").unlink()
    with pytest.raises(SimulationError, match="rtl/images: .*weights.hex"):
        verify(built)


def test_an_interrupt_ends_all_simulators_and_leaves_the_results_alone(built, monkeypatch):
    verify(write_design(built, make_vectors(2)), stalls=["none"])
    before = (built / "sim" / "results.json").read_bytes()
    write_design(built, make_vectors(200_000))
    started = []

    class Recorded(programs.subprocess.Popen):
        def __init__(self, command, **options):
            super().__init__(command, **options)
            if "cache" in str(command[0]):
                started.append(self)
                signal.setitimer(signal.ITIMER_REAL, 1)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    monkeypatch.setattr(programs.subprocess, "Popen", Recorded)
    try:
        with pytest.raises(KeyboardInterrupt):
            verify(built)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert [process.returncode for process in started] == [-signal.SIGKILL] * min(4, programs.cores())
    assert (built / "sim" / "results.json").read_bytes() == before
    assert not list((built / "sim").glob("*.partial"))
