"""Test a board, or let it answer: `python -m boards.host DIR --port /dev/ttyUSB0`."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import serial

from boards import find
from boards.host.board import SerialBoard
from boards.host.link import Link
from sim.contract import load_contract
from sim.errors import SimulationError
from sim.vectors import load_vectors

EXAMPLES = """\
examples:
  %(prog)s build/sparse_sparse-ulx3s-85f --port /dev/ttyUSB0
      run the vectors that are stored on the chip 100,000 times over at full speed
  %(prog)s build/sparse_sparse-ulx3s-85f --port COM4 --vectors
      send every vector of the build over the line and compare every answer"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 if the board answers as the build does."""
    options = _parse(arguments)
    try:
        flow = find(_board_of(options.directory)).flow
        port = serial.serial_for_url(options.port, baudrate=flow.baud, timeout=0.02)
        board = SerialBoard(Link(port), options.directory, flow.slots)
        return _compare(board, options.directory) if options.vectors else _test(board, options)
    except (OSError, LookupError, SimulationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m boards.host", description=__doc__, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("directory", metavar="DIR", type=Path, help="the build that the board holds")
    parser.add_argument("--port", required=True, help="serial port, or what pyserial takes as a URL")
    parser.add_argument("--frames", type=int, default=100_000, help="of the self-test; 100,000 by default")
    parser.add_argument("--vectors", action="store_true", help="send the vectors of the build instead")
    return parser.parse_args(arguments)


def _board_of(directory: Path) -> str:
    load_contract(directory)
    return json.loads((directory / "manifest.json").read_text())["board"]


def _test(board: SerialBoard, options: argparse.Namespace) -> int:
    found = board.self_test(options.frames)
    each = f"{found.cycles_per_frame:,.1f} cycles each"
    print(f"{found.frames:,} frames, {found.mismatches:,} of them wrong, {each}")
    return 1 if found.mismatches else 0


def _compare(board: SerialBoard, directory: Path) -> int:
    vectors = load_vectors(directory / "vectors.npz", board.contract)
    wrong = int(np.any(board.predict(vectors.x) != vectors.logits, axis=1).sum())
    repeated = f"{board.link.repeated:,} requests repeated"
    print(f"{len(vectors):,} vectors, {wrong:,} of them answered wrong; {repeated}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
