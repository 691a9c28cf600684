"""Run frames through an overlay on the board's own processor, with PYNQ.

::

    from pynq_overlay import ZeroskipOverlay
    logits = ZeroskipOverlay("zeroskip.bit").predict(x)
"""

import time
from pathlib import Path

import numpy as np
import pynq

from boards.host.card_frames import CardError, CardFrames

__all__ = ["ZeroskipOverlay"]

CONTROL, CLEAR = 0x00, 0x7C
START, DONE = 1, 2
MOST_BYTES = (1 << 26) - 1
"""Most that the DMA engine moves at once, as the block design sets it up."""


class ZeroskipOverlay:
    """The network in the programmable logic.

    Parameters
    ----------
    bitstream : path
        The `.bit`, with its `.hwh` beside it.
    facts : path, optional
        `card.json`; beside this file unless given.
    batch : int
        Most frames a run; fewer where the DMA engine moves no more.
    timeout : float
        Longest wait for a run, in seconds.
    """

    def __init__(
        self, bitstream: str | Path, facts: str | Path | None = None, *, batch: int = 1024,
        timeout: float = 10.0,
    ) -> None:  # fmt: skip
        self.frames = CardFrames.read(facts or Path(__file__).with_name("card.json"))
        largest = max(self.frames.input_bytes, self.frames.output_bytes)
        self.batch, self.timeout = max(1, min(batch, MOST_BYTES // largest)), timeout
        self.report: dict[str, int] = {}
        self._overlay = pynq.Overlay(str(bitstream))
        self._core, self._dma = self._overlay.zeroskip, self._overlay.dma
        self._source = pynq.allocate((self.batch, self.frames.input_bytes), np.uint8)
        self._target = pynq.allocate((self.batch, self.frames.output_bytes), np.uint8)
        # Whoever used it before may have been stopped in the middle of a run.
        self._core.write(CLEAR, 1)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return float64[n, outputs], logits, of uint8 or float [n, channels, height, width].

        `report` then holds what the core said of the last run: `cycles` and more.

        Raises
        ------
        CardError
            If the core reports an error; the next run starts clean. Or if it does not end in time: then load
            the overlay again, since the DMA engine may be waiting still.
        """
        frames = self.frames.to_integers(x)
        parts = [self._run(frames[at : at + self.batch]) for at in range(0, len(frames), self.batch)]
        empty = np.zeros((0, int(np.prod(self.frames.facts["output"]["shape"]))))
        return np.concatenate(parts) if parts else empty

    def load_weights(self, path: str | Path) -> None:
        """Load the `weights.bin` of a retrained network. Raises CardError if it does not arrive whole."""
        self.frames.load_weights(Path(path).read_bytes(), self._core.write, self._core.read)

    def _run(self, frames: np.ndarray) -> np.ndarray:
        count = len(frames)
        self._source[:count] = self.frames.pack(frames)
        self._source.flush()
        self._core.write(self.frames.facts["registers"]["count"][0], count)
        self._core.write(CONTROL, START)
        self._dma.recvchannel.transfer(self._target, nbytes=count * self.frames.output_bytes)
        self._dma.sendchannel.transfer(self._source, nbytes=count * self.frames.input_bytes)
        self._await_done(count)
        self._dma.sendchannel.wait()
        self._dma.recvchannel.wait()
        self._target.invalidate()
        self.report = {name: self._result(name) for name in self.frames.facts["results"]}
        self.frames.check(self.report)
        return self.frames.unpack(np.array(self._target[:count]))

    def _await_done(self, count: int) -> None:
        deadline = time.monotonic() + self.timeout
        while not self._core.read(CONTROL) & DONE:
            if time.monotonic() > deadline:
                where = self.frames.stuck({"flags": self._result("flags")})
                self._core.write(CLEAR, 1)
                what = f"the core did not end a run of {count} frames in {self.timeout} s"
                raise CardError(f"{what}: {where}" if where else what)

    def _result(self, name: str) -> int:
        offset, bits = self.frames.facts["results"][name]
        return sum(self._core.read(offset + at // 8) << at for at in range(0, bits, 32))
