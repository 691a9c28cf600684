"""Run frames on a card through XRT: a class, and a command line.

::

    python xrt_card.py zeroskip.xclbin --frames x.npz --logits logits.npz
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pyxrt

from boards.host.card_frames import CardError, CardFrames
from boards.host.xrt_registers import KernelRegisters

__all__ = ["XrtCard", "main"]

REPORT_BYTES = 64
KERNEL = "zeroskip_kernel"


class XrtCard:
    """A card that runs one network.

    Parameters
    ----------
    xclbin : path
    facts : path, optional
        `card.json`; beside this file unless given.
    device : int
        Number of the card.
    batch : int
        Most frames a run.
    timeout_ms : int
        Longest wait for a run.
    """

    def __init__(
        self, xclbin: str | Path, facts: str | Path | None = None, *, device: int = 0, batch: int = 16384,
        timeout_ms: int = 10_000,
    ) -> None:  # fmt: skip
        self.frames = CardFrames.read(facts or Path(__file__).with_name("card.json"))
        self.batch, self.timeout_ms = batch, timeout_ms
        self.report: dict[str, int] = {}
        self._number, self._device = device, pyxrt.device(device)
        self._uuid = self._device.load_xclbin(str(xclbin))
        self._kernel = pyxrt.kernel(self._device, self._uuid, KERNEL)
        self._source = self._buffer(0, batch * self.frames.input_bytes)
        self._target = self._buffer(1, batch * self.frames.output_bytes)
        self._status = self._buffer(2, REPORT_BYTES)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return float64[n, outputs], logits, of uint8 or float [n, channels, height, width].

        `report` then holds what the card said of the last run: `cycles` and more.

        Raises
        ------
        CardError
            If the card reports an error or does not end in time.
        """
        frames = self.frames.to_integers(x)
        parts = [self._run(frames[at : at + self.batch]) for at in range(0, len(frames), self.batch)]
        empty = np.zeros((0, int(np.prod(self.frames.facts["output"]["shape"]))))
        return np.concatenate(parts) if parts else empty

    def load_weights(self, path: str | Path) -> None:
        """Load the `weights.bin` of a retrained network.

        Raises
        ------
        CardError
            If it does not arrive whole: then the card answers nothing until one does.
        OSError
            If somebody else runs the kernel: registers are opened to one alone.
        """
        content = Path(path).read_bytes()
        del self._kernel
        try:
            with KernelRegisters(self._number, KERNEL) as registers:
                self.frames.load_weights(content, registers.write, registers.read)
        finally:
            self._kernel = pyxrt.kernel(self._device, self._uuid, KERNEL)

    def _buffer(self, argument: int, size: int) -> "pyxrt.bo":
        return pyxrt.bo(self._device, size, pyxrt.bo.normal, self._kernel.group_id(argument))

    def _run(self, frames: np.ndarray) -> np.ndarray:
        size = len(frames) * self.frames.output_bytes
        packed = self.frames.pack(frames).reshape(-1)
        self._source.write(packed, 0)
        self._source.sync(pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_TO_DEVICE, packed.size, 0)
        # A report from before must not pass for one of this run.
        self._status.write(np.zeros(REPORT_BYTES, np.uint8), 0)
        self._status.sync(pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_TO_DEVICE, REPORT_BYTES, 0)
        run = self._kernel(self._source, self._target, self._status, len(frames))
        if run.wait(self.timeout_ms) != pyxrt.ert_cmd_state.ERT_CMD_STATE_COMPLETED:
            raise CardError(f"the card did not end a run of {len(frames)} frames in {self.timeout_ms} ms")
        self.report = self.frames.split_report(self._read(self._status, REPORT_BYTES).tobytes())
        self.frames.check(self.report)
        return self.frames.unpack(self._read(self._target, size).reshape(len(frames), -1))

    @staticmethod
    def _read(buffer: "pyxrt.bo", size: int) -> np.ndarray:
        buffer.sync(pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_FROM_DEVICE, size, 0)
        return np.asarray(buffer.read(size, 0)).view(np.uint8)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, run, print; return the exit status."""
    parser = argparse.ArgumentParser(description="Run frames on a card: logits, and how long it took.")
    parser.add_argument("xclbin", type=Path, help="what the Makefile beside this made")
    parser.add_argument("--frames", type=Path, required=True, help=".npz with x and, if known, labels y")
    parser.add_argument("--weights", type=Path, help="weights.bin of a retrained network, to load first")
    parser.add_argument("--logits", type=Path, help="where to save the logits, as .npz")
    parser.add_argument("--device", type=int, default=0, help="number of the card (default: 0)")
    parser.add_argument("--batch", type=int, default=16384, help="most frames a run (default: 16384)")
    options = parser.parse_args(arguments)
    try:
        with np.load(options.frames, allow_pickle=False) as archive:
            x, y = archive["x"], archive["y"] if "y" in archive.files else None
        card = XrtCard(options.xclbin, device=options.device, batch=options.batch)
        if options.weights:
            card.load_weights(options.weights)
        begin = time.perf_counter()
        logits = card.predict(x)
    except (CardError, KeyError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - begin
    print(f"{len(x)} frames in {seconds:.3f} s, transfers included")
    if card.report:
        print(", ".join(f"{name} {value}" for name, value in card.report.items()), "in the last run")
    if y is not None:
        print(f"accuracy {(logits.argmax(axis=1) == y).mean():.2%}")
    if options.logits:
        np.savez(options.logits, logits=logits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
