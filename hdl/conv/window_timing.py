"""The timing rule of a window buffer: its registers, followed cycle by cycle."""

from typing import TYPE_CHECKING

import numpy as np

from hdl.streams.timing import Timing

if TYPE_CHECKING:
    from hdl.conv.window_geometry import WindowConfig

__all__ = ["follow_window"]


def follow_window(config: "WindowConfig", arrivals: np.ndarray) -> Timing:
    """Return when the pixels of whole frames are written, and when their windows are offered.

    The consumer takes each window as soon as it is offered and `config.hold_cycles` have passed since it
    took the one before.
    """
    state = _State(config, arrivals.tolist())
    frames = len(arrivals) // (config.height * config.width)
    while len(state.offered) < frames * config.rows * config.columns:
        state.tick()
    return Timing(np.array(state.written), np.array(state.offered))


class _State:
    """The registers that decide about time; names as in `Window`."""

    def __init__(self, config: "WindowConfig", arrivals: list[int]) -> None:
        self.config, self.arrivals = config, arrivals
        self.written: list[int] = []
        self.offered: list[int] = []
        self.cycle = self.held = self.row = self.step = 0
        self.free_at = 0
        self.fetched = self.shown = False

    def tick(self) -> None:
        """Pass a cycle, or all those until the next pixel if nothing else happens."""
        take = self.shown and self.cycle >= self.free_at
        if take:
            self.free_at = self.cycle + self.config.hold_cycles
        enable = take or not self.shown
        steps = enable and (self.step > 0 or self.held >= self.config.rows_needed(self.row))
        pending = len(self.written) < len(self.arrivals)
        arrival = self.arrivals[len(self.written)] if pending else 0
        writes = pending and arrival <= self.cycle and self.held < self.config.ring_rows
        if pending and not (writes or steps or self.shown or self.fetched):
            self.cycle = max(self.cycle + 1, arrival)
            return
        if writes:
            self.written.append(self.cycle)
        self.cycle += 1
        if enable:
            self._shift(steps)
        if steps:
            self._advance()
        if writes and len(self.written) % self.config.width == 0:
            self.held += 1

    def _shift(self, steps: bool) -> None:
        self.shown = self.fetched
        if self.shown:
            self.offered.append(self.cycle)
        self.fetched = steps and self.step >= self.config.kernel[1] - 1

    def _advance(self) -> None:
        self.step += 1
        if self.step == self.config.steps:
            self.held -= self.config.rows_released(self.row)
            self.row, self.step = (self.row + 1) % self.config.rows, 0
