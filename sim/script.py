"""What the source does in one run: frames whole and broken, resets, silence; and what must come out then.

`script.bin` holds 8 bytes for each word of `input.bin`, big-endian: bit 63 is its `tlast`; bit 62 resets the
design before the word is offered; the others are cycles of silence before that.
"""

from dataclasses import dataclass, field

import numpy as np

from sim.contract import AxisPort
from sim.vectors import pack_frames

__all__ = ["BROKEN", "Script"]

BROKEN = -1
"""Stands for the output of a broken frame: the right number of beats, whatever they hold."""

LAST, RESET = 1 << 63, 1 << 62


@dataclass
class Script:
    """A run, put together step by step.

    Parameters
    ----------
    x : int64[n, channels, height, width]
        The frames that its steps name by number.
    port : AxisPort
        That they travel on.

    Members
    -------
    expected : list of list of int
        The frames that must come out, in order, from reset to reset: numbers, or BROKEN. What a reset
        interrupts need not come.
    flagged : list of bool
        Whether `frame_error` must be raised, from reset to reset.
    faults : int
        How many faults there are.
    """

    x: np.ndarray
    port: AxisPort
    expected: list[list[int]] = field(default_factory=lambda: [[]])
    flagged: list[bool] = field(default_factory=lambda: [False])
    faults: int = 0
    _words: list[np.ndarray] = field(default_factory=list)
    _orders: list[int] = field(default_factory=list)
    _next: int = 0

    def whole(self, frame: int) -> None:
        """Offer a frame as it should be."""
        self._offer(frame, self.port.beats, last=True)
        self.expected[-1].append(frame)

    def cut_short(self, frame: int, beats: int) -> None:
        """End a frame after some of its beats."""
        self._offer(frame, beats, last=True)
        self.expected[-1].append(BROKEN)
        self.flagged[-1] = True
        self.faults += 1

    def go_on(self, frame: int, more: int) -> None:
        """End a frame only `more` beats after its last one."""
        self._offer(frame, self.port.beats, last=False)
        for left in range(more, 0, -self.port.beats):
            self._offer(frame, min(left, self.port.beats), last=left <= self.port.beats)
        self.expected[-1].append(frame)
        self.flagged[-1] = True
        self.faults += 1

    def never_end(self, frame: int, lost: int) -> None:
        """Leave the end of a frame out; the frame behind it is lost, being taken for more of it."""
        self.go_on(frame, self.port.beats)
        self._words[-1] = self._packed(lost)

    def open_with(self, beats: int) -> None:
        """Offer so many beats of frames, and then reset the design.

        The last frame comes first: what a reset leaves behind must not pass for what follows.
        """
        whole, rest = divmod(beats, self.port.beats)
        last = len(self.x) - 1
        for number in range(whole):
            self.whole(last - number % len(self.x))
        if rest:
            self._offer(last - whole % len(self.x), rest, last=False)
        self._reset()

    def reset(self, frame: int, beats: int) -> None:
        """Reset the design when some beats of a frame have passed; what comes next begins a frame."""
        self._offer(frame, beats, last=beats == self.port.beats)
        self.expected[-1].append(frame)
        self._reset()
        self.faults += 1

    def silence(self, cycles: int) -> None:
        """Offer nothing for some cycles."""
        self._next += cycles
        self.faults += 1

    def silent_within(self, frame: int, beats: int, cycles: int) -> None:
        """Fall silent when some beats of a frame have passed."""
        start = len(self._orders)
        self.whole(frame)
        self._orders[start + beats] += cycles
        self.faults += 1

    @property
    def words(self) -> np.ndarray:
        """The words, uint8[n, bytes], as `input.bin` holds them."""
        return np.concatenate(self._words)

    @property
    def orders(self) -> bytes:
        """What `script.bin` holds."""
        return np.array(self._orders, dtype=">u8").tobytes()

    @property
    def silent_cycles(self) -> list[int]:
        """Cycles of silence before each word."""
        return [order & (RESET - 1) for order in self._orders]

    def _reset(self) -> None:
        self._next |= RESET
        self.expected.append([])
        self.flagged.append(False)

    def _packed(self, frame: int) -> np.ndarray:
        return pack_frames(self.x[frame : frame + 1], self.port)

    def _offer(self, frame: int, beats: int, *, last: bool) -> None:
        self._words.append(self._packed(frame)[:beats])
        orders = [0] * beats
        orders[0], self._next = self._next, 0
        orders[-1] |= LAST if last else 0
        self._orders += orders
