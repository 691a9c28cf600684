"""Frames that users bring: `.npz` files or arrays, checked, normalized, quantized."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.errors import Problem, UnsupportedModel
from compiler.ir.graph import Graph
from compiler.ir.values import Shape
from hdl.numerics import quantize

__all__ = ["Samples", "extreme_frames", "load_samples", "random_samples", "to_integers", "to_real"]

LARGEST_BYTES = 1 << 31


@dataclass(frozen=True)
class Samples:
    """Frames as they came, `x` [n, channels, height, width], and their labels int64[n], if known."""

    x: np.ndarray
    y: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)


def load_samples(source: Path | np.ndarray | Samples, shape: Shape) -> Samples:
    """Read frames and bring them into the shape (n, channels, height, width).

    Parameters
    ----------
    source : path, array or Samples
        An `.npz` file holds `x` and, if known, the labels `y`. Frames are uint8 features, which the model's
        own normalization turns into what the network takes, or floats that the network takes as they are.
        A network of one channel may leave that dimension out.
    shape : (channels, height, width)

    Raises
    ------
    UnsupportedModel
        If the file cannot be read, or frames or labels do not suit the network.
    """
    if isinstance(source, Samples):
        return source
    if isinstance(source, np.ndarray):
        return Samples(_shaped(source, shape, "samples"))
    where = str(source)
    arrays = _read(Path(source))
    if "x" not in arrays:
        raise _refusal(where, f"holds {', '.join(arrays) or 'nothing'}, but no array x", "save frames as x")
    samples = _shaped(arrays["x"], shape, where)
    labels = arrays.get("y")
    if labels is not None and (labels.shape != (len(samples),) or labels.dtype.kind not in "iu"):
        what = f"labels y must be {len(samples)} integers, not {labels.dtype}{list(labels.shape)}"
        raise _refusal(where, what, "save one label a frame")
    return Samples(samples, None if labels is None else labels.astype(np.int64))


def random_samples(graph: Graph, count: int, seed: int = 0) -> Samples:
    """Make up frames: uniform features where the model normalizes such, else normal real numbers."""
    rng = np.random.default_rng(seed)
    size = (count, *graph.input.shape)
    if graph.normalize is not None:
        return Samples(rng.integers(0, 256, size, dtype=np.uint8))
    return Samples(rng.standard_normal(size))


def extreme_frames(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Make up int64 frames that reach where usual ones do not.

    Ends of the range and all of it, gaps, and areas: noise excites every filter somewhere, so that a channel
    which is weak but everywhere never wins; where all is even it does.
    """
    rng = np.random.default_rng(seed)
    form, size = graph.input.form, graph.input.shape
    low, high = form.minimum, form.maximum
    kinds = (
        lambda: rng.choice([low, high], size),
        lambda: rng.integers(low, high + 1, size) * (rng.random(size) < 0.3 * rng.random()),
        lambda: _areas(rng, low, high, size),
        lambda: rng.integers(low, high + 1, size),
        lambda: np.full(size, rng.choice([low, high])),
        lambda: np.clip(_areas(rng, low, high, size) + _faint(rng, high, size), low, high),
    )
    return np.stack([kinds[number % len(kinds)]() for number in range(count)]).astype(np.int64)


def _areas(rng: np.random.Generator, low: int, high: int, size: Shape) -> np.ndarray:
    """Return a block of one level, or of one in each channel, on another."""
    inside = np.ones(size, dtype=bool)
    for axis, length in enumerate(size):
        start, end = sorted(rng.integers(0, length + 1, 2))
        places = np.arange(length)
        inside &= np.expand_dims((start <= places) & (places <= end), [n for n in range(3) if n != axis])
    channels = rng.choice([1, size[0]])
    block, ground = rng.integers(low, high + 1, (2, channels, 1, 1))
    return np.where(inside, block, ground)


def _faint(rng: np.random.Generator, high: int, size: Shape) -> np.ndarray:
    """Return noise of any strength, the weak as likely as the strong."""
    strength = 1 << int(rng.integers(0, max(1, high.bit_length())))
    return rng.integers(-strength, strength + 1, size)


def to_real(graph: Graph, samples: Samples) -> np.ndarray:
    """Return float64 frames as the network takes them: uint8 features are normalized."""
    if samples.x.dtype != np.uint8:
        return samples.x.astype(np.float64)
    if graph.normalize is None:
        raise _refusal(
            "samples",
            "are uint8, but the model carries no normalization",
            "give float frames, or begin the model with compiler.nn.Normalize(mean, std)",
        )
    return (samples.x.astype(np.float64) - graph.normalize.mean) / graph.normalize.std


def to_integers(graph: Graph, samples: Samples) -> np.ndarray:
    """Return int64 frames as the hardware takes them; `graph` is an integer graph."""
    return quantize(to_real(graph, samples), graph.input.form)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_BYTES:
                raise _refusal(str(path), "unpacks to more than 2 GiB", "give fewer frames")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("x", "y") if name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _refusal(str(path), f"cannot be read as .npz: {error}", "save it with numpy.savez") from error


def _shaped(x: np.ndarray, shape: Shape, where: str) -> np.ndarray:
    if x.ndim == 3 and shape[0] == 1:
        x = x[:, None]
    if x.ndim == 2 and shape[1:] == (1, 1):
        x = x[:, :, None, None]
    if x.ndim != 4 or x.shape[1:] != shape or not len(x):
        want = "×".join(map(str, shape))
        raise _refusal(where, f"frames must be n×{want}, not {'×'.join(map(str, x.shape))}", "reshape x")
    if x.dtype.kind not in "fu" and x.dtype != np.uint8:
        raise _refusal(where, f"frames must be uint8 or float, not {x.dtype}", "convert x")
    if not np.isfinite(x).all():
        raise _refusal(where, "frames must be finite, but some are NaN or infinite", "clean x")
    return x


def _refusal(where: str, what: str, remedy: str) -> UnsupportedModel:
    return UnsupportedModel(Problem(where, what, remedy))
