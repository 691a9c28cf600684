"""A board that holds a build: its answers, and its own test."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from boards.flows.flow import build_number
from boards.host.link import Link, LinkError
from boards.shells.serial_shell import LOADING, LOADING_REGISTERS, PAGE_BYTES
from hdl.axi.self_test import EXPECTED, INPUTS, MAGIC, RESULTS, lane_bits, register_address
from hdl.memory.load_port import HELD
from sim.contract import AxisPort, load_contract
from sim.vectors import load_vectors, pack_frames, unpack_frames

__all__ = ["SerialBoard", "TestResult"]


PATIENCE = 60
"""Seconds that whatever the board does may take."""


@dataclass(frozen=True)
class TestResult:
    """What a board found when it ran stored frames at full speed."""

    __test__ = False  # its name begins like that of a test

    frames: int
    mismatches: int
    cycles: int

    @property
    def cycles_per_frame(self) -> float:
        """Cycles from the first input to the last output, by frame."""
        return self.cycles / self.frames


class SerialBoard:
    """A board with a serial shell that holds the bitstream of a build directory.

    Parameters
    ----------
    link : Link
    directory : Path
        The build directory, or what `python -m compiler weights` made for it: then its weights are loaded,
        unless the board has them already.
    slots : int
        Frames that the shell stores.

    Raises
    ------
    LinkError
        If no board answers, or it holds something else.
    """

    def __init__(self, link: Link, directory: Path, slots: int) -> None:
        self.link, self.slots, self.contract = link, slots, load_contract(directory)
        self.directory = directory
        weights = json.loads((directory / "manifest.json").read_text()).get("weights") or {}
        if self.register("magic") != MAGIC:
            raise LinkError("what answers is no serial shell of this compiler")
        if self.register("build") != weights.get("of", build_number(directory)):
            raise LinkError(f"the board holds another build than {directory}; load its bitstream first")
        # A board that was not loaded since its bitstream was has the weights of the build.
        held = [weights.get("crc32")] + [0] * ("of" not in weights)
        if weights and self._loading("checksum") not in held:
            self._load_weights()

    def register(self, name: str) -> int:
        """Return a register of the self-test."""
        return int.from_bytes(self.link.read(register_address(name), 4), "little")

    def _load_weights(self) -> None:
        """Load the weights of the directory, and the answers that they give into the self-test."""
        content = (self.directory / "weights.bin").read_bytes()
        pages = -(-len(content) // PAGE_BYTES)
        for number in range(pages + 1):
            if number:
                self.link.write(LOADING, content[PAGE_BYTES * (number - 1) : PAGE_BYTES * number])
            self.link.write(LOADING_REGISTERS, number.to_bytes(4, "little"))
            self._await(lambda sent=number: self._loading("done") == sent, f"page {number} of the weights")
        self._await(lambda: not self._loading("status") >> HELD & 1, "loading, whole, of the weights")
        vectors = load_vectors(self.directory / "vectors.npz", self.contract).first(self.slots)
        for address, frames, port in (
            (INPUTS, vectors.x, self.contract.input),
            (EXPECTED, vectors.logits.reshape(-1, *self.contract.output.shape), self.contract.output),
        ):
            self.link.write(address, _to_bytes(pack_frames(frames, port), port))

    def _loading(self, name: str) -> int:
        """Return what the board says of a load."""
        place = LOADING_REGISTERS + 4 * (1 + ("done", "checksum", "status").index(name))
        return int.from_bytes(self.link.read(place, 4), "little")

    def self_test(self, frames: int, *, slots: int | None = None) -> TestResult:
        """Let the board run its stored frames over and over, `frames` in all, and compare every output."""
        self._run(frames, slots or self.slots)
        cycles = self.register("cycles") | self.register("cycles_high") << 32
        return TestResult(frames, self.register("mismatches"), cycles)

    def predict(self, frames: np.ndarray) -> np.ndarray:
        """Return what the hardware answers: int64[n, outputs] for int64[n, channels, height, width].

        The frames take the places of those of the self-test, which fails until the board is loaded again.
        """
        outputs = []
        for first in range(0, len(frames), self.slots):
            some = frames[first : first + self.slots]
            self.link.write(INPUTS, _to_bytes(pack_frames(some, self.contract.input), self.contract.input))
            self._run(len(some), len(some))
            outputs.append(self._results(len(some)))
        return np.concatenate(outputs)

    def _results(self, count: int) -> np.ndarray:
        port = self.contract.output
        word_bytes = 1 << lane_bits(port.data_bits)
        content = self.link.read(RESULTS, count * port.beats * word_bytes)
        words = [
            int.from_bytes(content[n : n + port.data_bits // 8], "little")
            for n in range(0, len(content), word_bytes)
        ]
        return unpack_frames(words, port).reshape(count, -1)

    def _run(self, frames: int, slots: int) -> None:
        """Start a run and wait for its end."""
        number = self.register("done") % 255 + 1
        for name, value in (("frames", frames), ("slots", slots)):
            self.link.write(register_address(name), value.to_bytes(4, "little"))
        self.link.write(register_address("run"), bytes([number]))
        self._await(lambda: self.register("done") == number, f"a run of {frames} frames")

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        """Ask until something is so. Raises LinkError after `PATIENCE` seconds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                where = self.contract.name_stuck(self.register("status") >> 16)
                message = f"{what} did not end within {PATIENCE} s"
                raise LinkError(f"{message}: {where}" if where else message)


def _to_bytes(words: np.ndarray, port: AxisPort) -> bytes:
    """Lay words out as the bus has them: lowest byte first, each from a power of two on."""
    room = np.zeros((len(words), 1 << lane_bits(port.data_bits)), dtype=np.uint8)
    room[:, : words.shape[1]] = words[:, ::-1]
    return room.tobytes()
