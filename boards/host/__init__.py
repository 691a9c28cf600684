"""Use a board from a host: `python -m boards.host DIR --port /dev/ttyUSB0`."""

from boards.host.board import SerialBoard, TestResult
from boards.host.link import Link, LinkError, Port

__all__ = ["Link", "LinkError", "Port", "SerialBoard", "TestResult"]
