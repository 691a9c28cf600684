"""The boards there are: every module in `boards/facts/` that defines `BOARD`."""

import difflib
import importlib
import pkgutil
from functools import cache

from boards import facts
from boards.board import Board

__all__ = ["UnknownBoard", "all_boards", "find"]


class UnknownBoard(LookupError):
    """No board has that name: `where`, `what`, and what `next`."""

    def __init__(self, where: str, what: str, next: str) -> None:
        super().__init__(f"{where}: {what}; {next}")
        self.where, self.what, self.next = where, what, next


@cache
def all_boards() -> tuple[Board, ...]:
    """Return every board, largest first."""
    names = [module.name for module in pkgutil.iter_modules(facts.__path__)]
    boards = [importlib.import_module(f"{facts.__name__}.{name}").BOARD for name in names]
    return tuple(sorted(boards, key=lambda board: (-board.lut * board.lut_inputs, board.name)))


def find(name: str) -> Board:
    """Return the board of that name.

    Raises
    ------
    UnknownBoard
        Naming the nearest boards.

    >>> find("u250").part
    'xcu250-figd2104-2L-e'
    """
    boards = {board.name: board for board in all_boards()}
    if name in boards:
        return boards[name]
    near = difflib.get_close_matches(name.lower(), boards, n=3, cutoff=0.4) or list(boards)
    raise UnknownBoard("--board", f"no board is named {name!r}", f"try {' or '.join(near)}")
