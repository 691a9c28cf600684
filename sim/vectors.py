"""Test vectors: frames and the exact logits they must give, and how frames become words of a port.

`vectors.npz` holds `x` int[n, channels, height, width], `logits` int64[n, outputs] and, if they are known,
`labels` int64[n]. The same vectors give the same bytes.
"""

import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.contract import AxisPort, Contract
from sim.errors import SimulationError

__all__ = ["Vectors", "load_vectors", "pack_frames", "save_vectors", "unpack_frames"]


@dataclass(frozen=True)
class Vectors:
    """Frames with their expected outputs.

    `x` is int64[n, channels, height, width]; `logits` int64[n, outputs], the output tensor flattened;
    `labels` int64[n] or None.
    """

    x: np.ndarray
    logits: np.ndarray
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def first(self, count: int) -> "Vectors":
        """Return the first `count` vectors."""
        labels = None if self.labels is None else self.labels[:count]
        return Vectors(self.x[:count], self.logits[:count], labels)


def save_vectors(path: Path, vectors: Vectors) -> None:
    """Write vectors, stored without compression or times so that the bytes depend on nothing else."""
    arrays = {"x": _narrow(vectors.x), "logits": vectors.logits.astype("<i8")}
    if vectors.labels is not None:
        arrays["labels"] = vectors.labels.astype("<i8")
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    os.replace(partial, path)


def _narrow(values: np.ndarray) -> np.ndarray:
    """Return the values in the narrowest little-endian type that holds them all."""
    for kind in ("|u1", "|i1", "<i2", "<i4"):
        limits = np.iinfo(kind)
        if values.size == 0 or (values.min() >= limits.min and values.max() <= limits.max):
            return values.astype(kind)
    return values.astype("<i8")


def load_vectors(path: Path, contract: Contract) -> Vectors:
    """Read vectors and check them against the ports; raises :class:`SimulationError`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SimulationError(str(path), f"cannot be read: {error}", "build the directory again") from error
    problem = _problem(arrays, contract)
    if problem:
        raise SimulationError(str(path), problem, "build the directory again")
    labels = arrays.get("labels")
    return Vectors(
        arrays["x"].astype(np.int64),
        arrays["logits"].astype(np.int64),
        None if labels is None else labels.astype(np.int64),
    )


def _problem(arrays: dict[str, np.ndarray], contract: Contract) -> str | None:
    for name, port in (("x", contract.input), ("logits", contract.output)):
        if name not in arrays:
            return f"{name} is missing"
        values = arrays[name]
        want = port.shape if name == "x" else (int(np.prod(port.shape)),)
        if values.dtype.kind not in "iu":
            return f"{name} must hold integers, not {values.dtype}"
        if values.shape[1:] != want:
            return f"{name} must have the shape (n, {', '.join(map(str, want))}), not {values.shape}"
        if values.size and not port.form.minimum <= values.min() <= values.max() <= port.form.maximum:
            return f"{name} must be from {port.form.minimum} to {port.form.maximum}"
    if len(arrays["x"]) != len(arrays["logits"]):
        return f"x and logits must be as many, not {len(arrays['x'])} and {len(arrays['logits'])}"
    return None


def pack_frames(frames: np.ndarray, port: AxisPort) -> np.ndarray:
    """Cut frames into the words of a port.

    Parameters
    ----------
    frames : int64[n, channels, height, width]
    port : AxisPort

    Returns
    -------
    uint8[n × beats, ceil(data_bits / 8)]
        A word a row, most significant byte first.
    """
    count, channels = frames.shape[:2]
    pixels = frames.reshape(count, channels, -1).transpose(0, 2, 1)
    slots = np.zeros((count, pixels.shape[1], port.groups * port.lanes), dtype=np.int64)
    slots[:, :, :channels] = pixels
    beats = slots.reshape(-1, port.elements)
    word_bytes = -(-port.data_bits // 8)
    bits = np.zeros((len(beats), word_bytes * 8), dtype=np.uint8)
    for position in range(port.elements * port.container_bits):
        element, bit = divmod(position, port.container_bits)
        bits[:, position] = beats[:, element] >> min(bit, 63) & 1
    return np.packbits(bits, axis=1, bitorder="little")[:, ::-1]


def unpack_frames(words: list[int], port: AxisPort) -> np.ndarray:
    """Put whole frames of one output port together: int64[n, channels, height, width].

    An element is what its whole container says, so that a wrong extension shows.
    """
    mask = (1 << port.container_bits) - 1
    values = np.zeros((len(words), port.elements), dtype=np.int64)
    for row, word in enumerate(words):
        for element in range(port.elements):
            raw = word >> (element * port.container_bits) & mask
            if (port.form.signed or port.container_bits == 64) and raw >> (port.container_bits - 1):
                raw -= 1 << port.container_bits
            values[row, element] = raw
    channels, height, width = port.shape
    slots = values.reshape(-1, height * width, port.groups * port.lanes)[:, :, :channels]
    return slots.transpose(0, 2, 1).reshape(-1, channels, height, width)
