"""A serial shell's core in Verilator, and a line to it that spoils, loses and invents bytes."""

import json
import os
import struct
import subprocess
from pathlib import Path

import numpy as np

from boards.flows.flow import build_number, weights_bytes
from boards.shells.serial_shell import SerialCore, stored_frames
from hdl.verilog import to_verilog
from sim import verilator
from sim.toolchain import build_environment

__all__ = ["Line", "build_core"]

MAIN = Path(__file__).with_name("serial_simulator.cpp")
OPTIONS = (
    "--cc --exe -O3 --no-timing --threads 1 --x-assign fast -Wno-fatal -Wno-lint -Wno-style "
    "--prefix Vcore --top-module core -o simulator"
).split()


def build_core(directory: Path, slots: int, folder: Path) -> Path:
    """Return a simulator of the core with a build inside."""
    core = folder / "core.v"
    manifest = json.loads((directory / "manifest.json").read_text())
    stored = stored_frames(directory, slots, build_number(directory))
    core.write_text(to_verilog(SerialCore(stored, weights_bytes(manifest)), "core"))
    sources = [MAIN, core, *sorted((directory / "rtl").glob("*.v"))]
    environment = build_environment()
    obj = folder / "obj"
    command = ["verilator", "--Mdir", obj, *OPTIONS, *sources]
    verilator._run("verilator", [str(part) for part in command], folder, environment)
    make = ["make", "-C", str(obj), "-f", "Vcore.mk", *verilator.make_variables()]
    make += ["OPT_FAST=-O1", "OPT_SLOW=-O0"]
    verilator._run("make", make, folder, environment)
    return obj / "simulator"


class Line:
    """A port whose other end is simulated: a read lasts some cycles. Deterministic for a seed.

    Of the bytes in either direction a share `noise` is changed, lost, or followed by another one.
    """

    def __init__(
        self, simulator: Path, directory: Path, *, noise: float = 0, seed: int = 0, cycles: int = 400
    ) -> None:
        self.noise, self.cycles, self.spoiled = noise, cycles, 0
        self._rng, self._waiting = np.random.default_rng(seed), b""
        self._process = subprocess.Popen(
            [os.fspath(simulator)], cwd=directory / "rtl", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def write(self, data: bytes) -> None:
        self._waiting += self._spoil(data)

    def read(self, size: int) -> bytes:
        self._process.stdin.write(struct.pack("=II", self.cycles, len(self._waiting)) + self._waiting)
        self._process.stdin.flush()
        self._waiting = b""
        (count,) = struct.unpack("=I", self._process.stdout.read(4))
        assert count <= size
        return self._spoil(self._process.stdout.read(count))

    def _spoil(self, data: bytes) -> bytes:
        kept = bytearray()
        for byte in data:
            if self._rng.random() >= self.noise:
                kept.append(byte)
                continue
            self.spoiled += 1
            other = int(self._rng.integers(256))
            changed = other if other != byte else byte ^ 1
            kept += (bytes([changed]), b"", bytes([byte, other]))[self._rng.integers(3)]
        return bytes(kept)

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
