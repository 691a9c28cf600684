"""Which pixels a window holds, how many windows an image has, and how windows travel."""

from dataclasses import dataclass

import numpy as np

from hdl.conv.window_timing import follow_window
from hdl.resources import Fabric, Resources
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.timing import Timing

__all__ = ["WindowConfig", "WindowFormat", "windows"]


@dataclass(frozen=True)
class WindowFormat:
    """One beat a window, or `columns` adjacent ones: the payloads of the `taps` pixels that they cover.

    Pixel `row × columns covered + column`; adjacent windows share pixels.
    """

    pixel: DenseFormat | WinnersFormat
    taps: int
    columns: int = 1


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Geometry of one window buffer.

    A row, with what padding covers in front of it, is fetched in words of `pixels_per_beat` pixels, and
    walked in steps of `windows_per_beat` columns.

    Parameters
    ----------
    bits : int
        Width of a pixel. The pixel 0 is what padding consists of.
    height, width : int
        Of the image, in pixels.
    kernel : (rows, columns)
    padding : (top, bottom, left, right)
        Zero pixels around the image; less than the kernel on each side.
    pixels_per_beat : int
        Adjacent pixels that come in at once; divides the width.
    windows_per_beat : int
        Adjacent windows that leave at once; divides the windows of a row and `pixels_per_beat`.
    hold_cycles : int
        How long the consumer keeps each beat of windows before it takes the next.
    holders : int
        Beats of windows that the consumer keeps at once.
    constant_time : bool
        Whether the consumer keeps each so long whatever the data, else at most.
    lazy : bool
        A word that is done with is replaced not at once but a cycle later: fetching does not wait for what a
        window is just about to find out. Takes a window that rests.
    """

    bits: int
    height: int
    width: int
    kernel: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pixels_per_beat: int = 1
    windows_per_beat: int = 1
    hold_cycles: int = 1
    holders: int = 1
    constant_time: bool = True
    lazy: bool = False

    def __post_init__(self) -> None:
        top, bottom, left, right = self.padding
        if max(top, bottom) >= self.kernel[0] or max(left, right) >= self.kernel[1] or min(self.padding) < 0:
            raise ValueError(f"padding must be smaller than the kernel {self.kernel}, not {self.padding}")
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"kernel must fit the padded image, not {self.kernel}")
        if self.lazy and not self.rests:
            raise ValueError(f"a lazy window must rest, and be kept {2 * self.holders} cycles at least")
        pixels, together = self.pixels_per_beat, self.windows_per_beat
        if pixels < 1 or self.width % pixels:
            raise ValueError(f"pixels_per_beat must be a divisor of {self.width}, not {pixels!r}")
        if together < 1 or self.columns % together or pixels % together:
            both = f"{self.columns} and {pixels}"
            raise ValueError(f"windows_per_beat must be a divisor of {both}, not {together!r}")

    @property
    def rows(self) -> int:
        """Rows of windows."""
        return self.height + self.padding[0] + self.padding[1] - self.kernel[0] + 1

    @property
    def columns(self) -> int:
        """Windows a row."""
        return self.width + self.padding[2] + self.padding[3] - self.kernel[1] + 1

    @property
    def span(self) -> int:
        """Columns of pixels that a beat of windows covers."""
        return self.kernel[1] + self.windows_per_beat - 1

    @property
    def taps(self) -> int:
        """Pixels that a beat of windows covers: tap `row * span + column`."""
        return self.kernel[0] * self.span

    @property
    def beats(self) -> int:
        """Beats of windows a frame."""
        return self.rows * self.columns // self.windows_per_beat

    @property
    def padded_words(self) -> int:
        """Words of a row in front of the image."""
        return -(-self.padding[2] // self.pixels_per_beat)

    @property
    def start(self) -> int:
        """Column at which the first windows of a row begin, counted from the row's first word on."""
        return self.padded_words * self.pixels_per_beat - self.padding[2]

    @property
    def end(self) -> int:
        """Columns that the first windows of a row need; so many that later ones need a whole step more."""
        return -(-(self.start + self.span) // self.windows_per_beat) * self.windows_per_beat

    @property
    def looks_ahead(self) -> bool:
        """Whether a row's first windows take their columns from two words at once."""
        one_word = self.pixels_per_beat
        return one_word < self.end < 2 * one_word and self.columns > self.windows_per_beat

    @property
    def loaded(self) -> int:
        """Columns that the first step of a row takes at once."""
        return self.end if self.looks_ahead else min(self.end, self.pixels_per_beat)

    @property
    def idle_steps(self) -> int:
        """Steps of a row that bring no window: the first ones."""
        return (self.end - self.loaded) // self.windows_per_beat

    @property
    def idle_words(self) -> int:
        """Words of a row that its idle steps are done with."""
        taken = self.loaded + (self.idle_steps - 1) * self.windows_per_beat
        return taken // self.pixels_per_beat if self.idle_steps else 0

    @property
    def steps(self) -> int:
        """Steps a row."""
        return self.idle_steps + self.columns // self.windows_per_beat

    @property
    def words(self) -> int:
        """Words fetched for a row of windows, padding included."""
        return -(-(self.end + self.columns - self.windows_per_beat) // self.pixels_per_beat)

    @property
    def first_step_ends_word(self) -> bool:
        """Whether the first step of a row, if not its last, is done with the row's first word."""
        return self.loaded >= self.pixels_per_beat

    @property
    def second_chunk(self) -> int:
        """Which columns of its word the second step of a row takes, in steps."""
        return self.loaded % self.pixels_per_beat // self.windows_per_beat

    @property
    def rests(self) -> bool:
        """Whether the window shifts not when it is taken but a cycle later: where none is late for it."""
        return self.hold_cycles >= 2 * self.holders

    @property
    def ring_rows(self) -> int:
        """Rows held: a window's, and as many of what follows."""
        return 2 * self.kernel[0]

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames, back to back: as many as the slowest of writing, fetching and taking."""
        if self.holders > 1:
            # Frames may differ in how far the holders are apart when they begin; follow enough to see all.
            frames = 4 + self.holders
            arrivals = np.zeros(frames * self.height * self.width // self.pixels_per_beat, dtype=np.int64)
            ends = self.timing(arrivals).offered[self.beats - 1 :: self.beats]
            return int(np.diff(ends)[1:].max())
        taking = (self.steps - self.idle_steps - 1) * self.hold_cycles
        late = (self.looks_ahead + self.idle_words) if self.lazy else 0
        taking += max(self.hold_cycles, self.idle_steps + 1 + self.rests + late)
        fetching = self.words * (1 + self.lazy)
        return max(self.height * self.width // self.pixels_per_beat, self.rows * max(fetching, taking))

    @property
    def latency(self) -> int:
        """Cycles from the fetch of the last word of a beat of windows to its being offered, at least."""
        return 2

    def rows_needed(self, row: int) -> int:
        """Unreleased image rows that windows of a row need."""
        first = max(0, row - self.padding[0])
        return min(self.height, row - self.padding[0] + self.kernel[0]) - first

    def rows_released(self, row: int) -> int:
        """Image rows that nothing needs after a row of windows."""
        if row == self.rows - 1:
            return self.height - max(0, row - self.padding[0])
        return int(row >= self.padding[0])

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: memories of rows, what turns them into lines, and a register a pixel."""
        rows, word = self.kernel[0], self.bits * self.pixels_per_beat
        stored = fabric.memory(word, 2 * self.width // self.pixels_per_beat)
        turned = Resources(lut=0 if fabric.lut_inputs == 6 else word) + fabric.choice(rows, word)
        kept, step_bits = self.bits * (self.end - self.start), self.bits * self.windows_per_beat
        chunks = self.pixels_per_beat // self.windows_per_beat
        loaded = self.bits * self.loaded if self.loaded > self.windows_per_beat else 0
        line = Resources(lut=loaded, ff=kept + word * self.looks_ahead) + fabric.choice(chunks, step_bits)
        return rows * (stored + turned + line) + fabric.logic(60 + 4 * rows, 40)

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats of pixels are written and beats of windows are offered. Exact.

        The consumer takes each beat as soon as it is offered and `hold_cycles` have passed since it
        took the one `holders` before.
        """
        return follow_window(self, arrivals)


def windows(image: np.ndarray, config: WindowConfig) -> np.ndarray:
    """Cut an image into windows; the model of `Window`.

    Parameters
    ----------
    image : int64[height, width]
        Pixels as raw payloads; any number may stand for one.

    Returns
    -------
    int64[beats, taps]
        In raster order; what padding covers is 0.
    """
    top, bottom, left, right = config.padding
    padded = np.pad(image, ((top, bottom), (left, right)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, (config.kernel[0], config.span))
    return cut[:, :: config.windows_per_beat].reshape(config.beats, config.taps)
