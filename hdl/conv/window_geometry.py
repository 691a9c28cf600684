"""Which pixels a window holds, how many windows an image has, and how windows travel."""

from dataclasses import dataclass

import numpy as np

from hdl.conv.window_timing import follow_window
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.timing import Timing

__all__ = ["WindowConfig", "WindowFormat", "windows"]


@dataclass(frozen=True)
class WindowFormat:
    """One beat a window: the payloads of its `taps` pixels, `row × kernel columns + column`."""

    pixel: DenseFormat | WinnersFormat
    taps: int


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Geometry of one window buffer.

    Parameters
    ----------
    bits : int
        Width of a pixel. The pixel 0 is what padding consists of.
    height, width : int
        Of the image, in pixels.
    kernel : (rows, columns)
    padding : (top, bottom, left, right)
        Zero pixels around the image; less than the kernel on each side.
    hold_cycles : int
        How long the consumer keeps each window before it takes the next. Changes predictions, not
        hardware.
    """

    bits: int
    height: int
    width: int
    kernel: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    hold_cycles: int = 1

    def __post_init__(self) -> None:
        top, bottom, left, right = self.padding
        if max(top, bottom) >= self.kernel[0] or max(left, right) >= self.kernel[1] or min(self.padding) < 0:
            raise ValueError(f"padding must be smaller than the kernel {self.kernel}, not {self.padding}")
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"kernel must fit the padded image, not {self.kernel}")

    @property
    def taps(self) -> int:
        """Pixels a window: tap `row * kernel columns + column`."""
        return self.kernel[0] * self.kernel[1]

    @property
    def rows(self) -> int:
        """Rows of windows."""
        return self.height + self.padding[0] + self.padding[1] - self.kernel[0] + 1

    @property
    def columns(self) -> int:
        """Windows a row."""
        return self.width + self.padding[2] + self.padding[3] - self.kernel[1] + 1

    @property
    def steps(self) -> int:
        """Cycles a row: one a pixel column, padding included."""
        return self.width + self.padding[2] + self.padding[3]

    @property
    def ring_rows(self) -> int:
        """Rows held: a window's, and as many of what follows."""
        return 2 * self.kernel[0]

    @property
    def latency(self) -> int:
        """Cycles from the step that reads a window's last column to its being offered."""
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

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when pixels are written and windows are offered. Exact.

        The consumer takes each window as soon as it is offered and `hold_cycles` have passed since it
        took the one before.
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
    int64[rows × columns, taps]
        In raster order; what padding covers is 0.
    """
    top, bottom, left, right = config.padding
    padded = np.pad(image, ((top, bottom), (left, right)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, config.kernel)
    return cut.reshape(config.rows * config.columns, config.taps)
