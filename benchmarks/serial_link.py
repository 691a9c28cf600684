"""A host's driver and a board, simulated from pin to pin, over a line that spoils one byte in a hundred."""

from pathlib import Path
from typing import Any

import numpy as np

import boards
from benchmarks.networks import network
from benchmarks.results import Part
from benchmarks.serial_line import BoardLine, Line, build_board
from boards.host import Link, SerialBoard
from compiler import pipeline
from hdl.axi.self_test import INPUTS, lane_bits

__all__ = ["PARTS", "TEXT", "exercise"]

TEXT = """
The shell of the ULX3S as it goes into the bitstream, around a small network, in Verilator: pins, UART, both
clocks and what is between them, self-test. The host's driver writes blocks of random bytes and reads others;
its clock is 1 % fast. One byte in a hundred, in both directions, is changed, lost, or followed by another
one; of those to the board one in a hundred more has no stop bit. *Wrong* are blocks that were read as nobody
wrote them, *lost* are bytes that were written, acknowledged, and are not there at the end.
"""
KINDS = {
    "frames": "counted", "bytes_spoiled": "counted", "requests_repeated": "counted",
    "frames_that_the_board_refused": "counted", "frames_that_the_host_refused": "counted",
    "wrong": "simulated", "lost": "simulated",
}  # fmt: skip
FRAMES = 10_000
CLOCK_MHZ = 13
NOISE = 0.01
PATIENCE = 80
"""Microseconds of a read: of one request at a time, none of which takes 300, no answer is given up early."""
MOST_BYTES = 64


def exercise(line: Line, directory: Path, slots: int, frames: int, seed: int = 5) -> dict[str, Any]:
    """Write and read so many frames of a board's memory, and return what became of them."""
    rng = np.random.default_rng(seed)
    board = SerialBoard(Link(line), directory, slots)
    port, link = board.contract.input, board.link
    size = slots * port.beats << lane_bits(port.data_bits)
    known = bytearray(link.read(INPUTS, size))
    wrong = 0
    for _ in range(frames // 2):
        first, count = int(rng.integers(size)), int(rng.integers(1, MOST_BYTES + 1))
        content = rng.bytes(min(count, size - first))
        link.write(INPUTS + first, content)
        known[first : first + len(content)] = content
        first = int(rng.integers(size))
        count = min(MOST_BYTES, size - first)
        wrong += link.read(INPUTS + first, count) != known[first : first + count]
    at_the_end = link.read(INPUTS, size)
    return {
        "frames": frames,
        "bytes_spoiled": line.spoiled,
        "requests_repeated": link.repeated,
        "frames_that_the_board_refused": board.register("refused"),
        "frames_that_the_host_refused": link.spoiled,
        "wrong": wrong,
        "lost": sum(one != other for one, other in zip(at_the_end, known, strict=True)),
    }


def measure(folder: Path) -> dict[str, Any]:
    """Build a small network and everything around it, and let the two ends talk."""
    model, shape = network("linear_only")
    bundle = pipeline.build(model, board="ulx3s-25f", output=folder, input_shape=shape)
    slots = boards.find("ulx3s-25f").flow.slots
    simulator = build_board(bundle.directory, folder, CLOCK_MHZ)
    how = {"clock_mhz": CLOCK_MHZ, "noise": NOISE, "seed": 7, "skew": 1.01, "lasts": PATIENCE}
    with BoardLine(simulator, bundle.directory, **how) as line:
        return exercise(line, bundle.directory, slots, FRAMES)


PARTS = [Part("serial", "link", measure, KINDS)]
