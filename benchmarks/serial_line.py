"""Serial shells in Verilator, and a line to them that spoils, loses and invents bytes.

Either the core of a shell, which takes and gives bytes, or all of it as it goes into the bitstream, from pin
to pin: clocks, line, and lamps.
"""

import json
import os
import struct
import subprocess
from pathlib import Path

import numpy as np

import boards
from boards.flows.flow import Job, build_number, weights_bytes
from boards.shells.serial_shell import SerialCore, stored_frames
from hdl.verilog import rtlil_to_verilog, to_verilog
from sim.programs import Program, run_program
from sim.toolchain import build_environment, make_variables

__all__ = ["BoardLine", "Line", "build_board", "build_core"]

HERE = Path(__file__).parent
OPTIONS = (
    "--cc --exe -O3 --no-timing --threads 1 --x-assign fast -Wno-fatal -Wno-lint -Wno-style -o simulator"
).split()
BROKEN = 1 << 8
"""Marks a character without a stop bit."""


def build_core(directory: Path, slots: int, folder: Path) -> Path:
    """Return a simulator of the core of a shell with a build inside, which stores so many vectors."""
    core = folder / "core.v"
    manifest = json.loads((directory / "manifest.json").read_text())
    stored = stored_frames(directory, slots, build_number(directory))
    core.write_text(to_verilog(SerialCore(stored, weights_bytes(manifest)), "core"))
    return _build("core", [HERE / "serial_core.cpp", core], directory, folder)


def build_board(directory: Path, folder: Path, clock_mhz: float) -> Path:
    """Return a simulator of everything that the bitstream of a build holds, at such a clock."""
    manifest = json.loads((directory / "manifest.json").read_text())
    board = boards.find(manifest["board"])
    job = Job(
        directory=directory, manifest=manifest, board=board, clock_mhz=clock_mhz, progress=lambda step: None
    )
    shell = folder / "shell.v"
    shell.write_text(rtlil_to_verilog(board.flow.make_shell(job).rtlil))
    return _build("board", [HERE / "serial_board.cpp", HERE / "serial_board.v", shell], directory, folder)


def _build(top: str, sources: list[Path], directory: Path, folder: Path) -> Path:
    environment = build_environment()
    obj = folder / f"obj_{top}"
    names = ["--prefix", f"V{top}", "--top-module", top]
    inputs = [*sources, *sorted((directory / "rtl").glob("*.v"))]
    command = ["verilator", "--Mdir", obj, *OPTIONS, *names, *inputs]
    run_program(Program("verilator", [str(part) for part in command], folder, environment))
    make = ["make", "-C", str(obj), "-f", f"V{top}.mk", *make_variables(), "OPT_FAST=-O1", "OPT_SLOW=-O0"]
    run_program(Program("make", make, folder, environment))
    return obj / "simulator"


class Line:
    """A port at whose other end a core is simulated: a read lasts some cycles. Deterministic for a seed.

    Of the bytes in either direction a share `noise` is changed, lost, or followed by another one.
    """

    def __init__(
        self, simulator: Path, directory: Path, *, noise: float = 0, seed: int = 0, lasts: int = 400,
        arguments: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.noise, self.lasts, self.spoiled = noise, lasts, 0
        self._rng, self._waiting = np.random.default_rng(seed), b""
        self._process = subprocess.Popen(
            [os.fspath(simulator), *arguments], cwd=directory / "rtl", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._waiting += self._spoil(data)

    def read(self, size: int) -> bytes:
        """Return what comes back within a while."""
        sent, self._waiting = self._waiting, b""
        self._process.stdin.write(struct.pack("=II", self.lasts, len(sent)) + self._characters(sent))
        self._process.stdin.flush()
        count = self._heard()
        assert count <= size
        return self._spoil(self._process.stdout.read(count))

    def _characters(self, sent: bytes) -> bytes:
        """Return what the simulator is given of some bytes."""
        return sent

    def _heard(self) -> int:
        """Return how many bytes come."""
        return struct.unpack("=I", self._process.stdout.read(4))[0]

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


class BoardLine(Line):
    """A port at whose other end a board is simulated, bit by bit; a read lasts some microseconds.

    Of the characters to the board a share `noise` has no stop bit besides. The host's clock is `skew` times
    too fast. `lamps` is what the board's lamps show: bit 0 the first.
    """

    def __init__(
        self, simulator: Path, directory: Path, *, clock_mhz: float, noise: float = 0, seed: int = 0,
        skew: float = 1.0, lasts: int = 200,
    ) -> None:  # fmt: skip
        arguments = (str(clock_mhz), str(skew))
        super().__init__(simulator, directory, noise=noise, seed=seed, lasts=lasts, arguments=arguments)
        self.lamps = 0

    def _characters(self, sent: bytes) -> bytes:
        broken = self._rng.random(len(sent)) < self.noise
        self.spoiled += int(broken.sum())
        return (np.frombuffer(sent, np.uint8) + np.where(broken, BROKEN, 0)).astype("=u2").tobytes()

    def _heard(self) -> int:
        self.lamps, count = struct.unpack("=II", self._process.stdout.read(8))
        return count
