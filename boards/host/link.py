"""Reads and writes of a board's bus over a line that may lose or spoil bytes: all are done, or it is said.

Requests can be repeated without harm (see `hdl.serial.bridge`), so whatever is not answered is asked again.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hdl.serial.bridge import ANSWER, MOST_DATA, READ, WRITE
from hdl.serial.framing import FLAG, enframe, split_frames

__all__ = ["Link", "LinkError", "Port"]

UNDER_WAY = 8
"""Requests that may wait for their answers; the board holds as many, wholly escaped."""
NUMBERS = 1 << 16


class LinkError(OSError):
    """A board did not answer, however often it was asked."""


class Port(Protocol):
    """A serial port that is open, such as a `serial.Serial` with a timeout of some milliseconds."""

    def write(self, data: bytes) -> object:
        """Send bytes."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none if none came within the port's timeout."""


@dataclass
class _Request:
    content: bytes
    expected: int
    number: int = -1
    tries: int = 0
    silent: int = 0


class Link:
    """The bus of a board.

    Parameters
    ----------
    port : Port
    patience : int
        Reads of the port without an answer after which a request counts as lost.
    tries : int
        How often a request is sent before :class:`LinkError`.

    Attributes
    ----------
    repeated : int
        Requests that had to be sent again.
    spoiled : int
        Frames from the board with a wrong checksum.
    """

    def __init__(self, port: Port, *, patience: int = 4, tries: int = 50) -> None:
        self.port, self.patience, self.tries = port, patience, tries
        self.repeated = self.spoiled = 0
        self._line = bytearray()
        self._next = 0

    def write(self, address: int, content: bytes) -> None:
        """Write bytes from an address on, in any order. Raises LinkError."""
        pieces = range(0, len(content), MOST_DATA)
        self._carry_out(
            _Request(_head(WRITE, address + n) + content[n : n + MOST_DATA], 0) for n in pieces
        )

    def read(self, address: int, count: int) -> bytes:
        """Return bytes from an address on. Raises LinkError."""
        sizes = [min(MOST_DATA, count - n) for n in range(0, count, MOST_DATA)]
        requests = (
            _Request(_head(READ, address + n * MOST_DATA) + bytes([size]), size)
            for n, size in enumerate(sizes)
        )
        return b"".join(self._carry_out(requests))

    def _carry_out(self, requests: Iterable[_Request]) -> list[bytes]:
        """Send requests, several at a time, until each is answered; return the answers' data, in order."""
        waiting = deque(requests)
        order: list[int] = []
        answers: dict[int, bytes] = {}
        under_way: dict[int, _Request] = {}
        while waiting or under_way:
            while waiting and len(under_way) < UNDER_WAY:
                request = waiting.popleft()
                request.number, self._next = self._next, (self._next + 1) % NUMBERS
                order.append(request.number)
                under_way[request.number] = request
                self._send(request)
            heard = self._listen()
            for number, operation, content in heard:
                request = under_way.get(number)
                if request and operation == request.content[0] | ANSWER and len(content) == request.expected:
                    answers[number] = content
                    del under_way[number]
            if not heard:
                self._repeat(under_way)
        return [answers[number] for number in order]

    def _send(self, request: _Request) -> None:
        request.tries += 1
        request.silent = 0
        self.port.write(enframe(request.number.to_bytes(2, "little") + request.content))

    def _repeat(self, under_way: dict[int, _Request]) -> None:
        """Send again what has waited too long, or give up."""
        for request in under_way.values():
            request.silent += 1
            if request.silent > self.patience:
                if request.tries == self.tries:
                    raise LinkError(f"the board did not answer a request that was sent {self.tries} times")
                self.repeated += 1
                self._send(request)

    def _listen(self) -> list[tuple[int, int, bytes]]:
        """Return the answers that have come: number, operation, data."""
        self._line += self.port.read(4096)
        end = self._line.rfind(FLAG)
        if end < 0:
            return []
        heard = []
        # The last flag may begin the next frame.
        for content in split_frames(bytes(self._line[: end + 1])):
            if content is None or len(content) < 3:
                self.spoiled += 1
            else:
                heard.append((int.from_bytes(content[:2], "little"), content[2], content[3:]))
        del self._line[:end]
        return heard


def _head(operation: int, address: int) -> bytes:
    return bytes([operation]) + address.to_bytes(3, "little")
