"""The timing rule of a window buffer: its registers, followed cycle by cycle."""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from hdl.streams.timing import Timing

if TYPE_CHECKING:
    from hdl.conv.window_geometry import WindowConfig

__all__ = ["follow_window"]


def follow_window(config: "WindowConfig", arrivals: np.ndarray) -> Timing:
    """Return when the beats of whole frames are written, and when their windows are offered.

    The consumer takes each beat of windows as soon as it is offered and `config.hold_cycles` have passed
    since it took the one `config.holders` before.
    """
    state = _State(config, arrivals.tolist())
    frames = len(arrivals) * config.pixels_per_beat // (config.height * config.width)
    wanted = frames * config.beats
    while len(state.offered) < wanted:
        state.tick()
    return Timing(np.array(state.written), np.array(state.offered))


class _State:
    """The registers that decide about time; names as in `Window`."""

    def __init__(self, config: "WindowConfig", arrivals: list[int]) -> None:
        self.config, self.arrivals = config, arrivals
        self.written: list[int] = []
        self.offered: list[int] = []
        self.cycle = self.held = self.row = self.word = self.step = self.chunk = 0
        self.free_at = deque([0] * config.holders, maxlen=config.holders)
        self.fetched = self.current = self.shown = False
        # Properties are computed anew at each use, which is too slow here.
        self.steps, self.words, self.ahead = config.steps, config.words, config.looks_ahead
        self.idle, self.second_chunk, self.rests = config.idle_steps, config.second_chunk, config.rests
        self.lazy = config.lazy
        self.first_step_ends_word = config.first_step_ends_word
        self.width = config.width // config.pixels_per_beat
        self.chunks = config.pixels_per_beat // config.windows_per_beat
        self.needed = [config.rows_needed(row) for row in range(config.rows)]

    def tick(self) -> None:
        """Pass a cycle, or all those in which nothing happens."""
        take = self.shown and self.cycle >= self.free_at[0]
        if take:
            self.free_at.append(self.cycle + self.config.hold_cycles)
        free = not self.shown or (take and not self.rests)
        present = self.current and (self.step > 0 or self.fetched) if self.ahead else self.fetched
        go = free and present
        done = go and self._word_done()
        at_once = done and not self.lazy
        leave = self.fetched and (not self.current or at_once) if self.ahead else done
        room = not self.fetched or (leave and not self.lazy)
        fetch = room and (self.word > 0 or self.held >= self.needed[self.row])
        pending = len(self.written) < len(self.arrivals)
        arrival = self.arrivals[len(self.written)] if pending else 0
        writes = pending and arrival <= self.cycle and self.held < self.config.ring_rows
        if not (writes or fetch or leave or go or take):
            writable = pending and self.held < self.config.ring_rows
            self.cycle = min([arrival] * writable + [self.free_at[0]] * self.shown, default=self.cycle + 1)
            return
        if writes:
            self.written.append(self.cycle)
        self.cycle += 1
        if free or take:
            self.shown = go and self.step >= self.idle
            self.offered += [self.cycle] * self.shown
        if go:
            self._advance()
        self.current = leave or (self.current and not done)
        self.fetched = fetch or (self.fetched and not leave)
        if fetch:
            self._fetch()
        if writes and len(self.written) % self.width == 0:
            self.held += 1

    def _word_done(self) -> bool:
        """Return whether this step is the last that needs the current word."""
        if self.step == self.steps - 1:
            return True
        if self.step == 0:
            return self.first_step_ends_word
        return self.chunk == self.chunks - 1

    def _advance(self) -> None:
        self.chunk = self.second_chunk if self.step == 0 else (self.chunk + 1) % self.chunks
        self.step += 1
        if self.step == self.steps:
            self.step = self.chunk = 0

    def _fetch(self) -> None:
        self.word += 1
        if self.word == self.words:
            self.held -= self.config.rows_released(self.row)
            self.row, self.word = (self.row + 1) % self.config.rows, 0
