"""Facts about the hardware that designs are built for: `find(name)` and `all_boards()`."""

from boards.board import Board
from boards.catalog import UnknownBoard, all_boards, find

__all__ = ["Board", "UnknownBoard", "all_boards", "find"]
