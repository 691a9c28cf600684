"""Draw digits that nobody wrote, to try hardware with: `python -m models.mnist.synthesize`."""

from pathlib import Path

import numpy as np

__all__ = ["VECTORS", "draw", "pictures"]

VECTORS = Path(__file__).with_name("vectors.npz")
"""`x` uint8[32, 28, 28] and `y`, as shipped."""

SIZE = 28

RING = [(0.5 + 0.26 * np.cos(t), 0.5 + 0.4 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 17)]
LOOPS = [(0.5 + 0.2 * np.sin(2 * t), 0.5 - 0.38 * np.cos(t)) for t in np.linspace(0, 2 * np.pi, 25)]

STROKES = (
    (RING,),
    ([(0.45, 0.2), (0.55, 0.1), (0.5, 0.9)],),
    ([(0.25, 0.25), (0.45, 0.1), (0.7, 0.25), (0.6, 0.5), (0.22, 0.88), (0.78, 0.88)],),
    ([(0.25, 0.15), (0.6, 0.1), (0.7, 0.3), (0.45, 0.48), (0.75, 0.65), (0.6, 0.88), (0.25, 0.85)],),
    ([(0.35, 0.12), (0.22, 0.55), (0.8, 0.55)], [(0.65, 0.2), (0.62, 0.92)]),
    ([(0.75, 0.12), (0.35, 0.12), (0.3, 0.45), (0.65, 0.48), (0.7, 0.75), (0.5, 0.9), (0.25, 0.85)],),
    ([(0.65, 0.1), (0.35, 0.45), (0.3, 0.75), (0.5, 0.9), (0.7, 0.72), (0.55, 0.55), (0.32, 0.66)],),
    ([(0.22, 0.14), (0.78, 0.14), (0.45, 0.9)],),
    (LOOPS,),
    ([(0.7, 0.3), (0.5, 0.12), (0.32, 0.3), (0.45, 0.48), (0.68, 0.35), (0.7, 0.3), (0.62, 0.9)],),
)
"""Digit → its strokes, each a path of (x, y) from 0 to 1, y downward."""


def draw(digit: int, seed: int) -> np.ndarray:
    """Draw one digit, uint8[28, 28], bright on dark, turned and stretched a little by the seed."""
    random = np.random.default_rng(seed)
    turned = np.eye(2) + random.uniform(-0.12, 0.12, (2, 2))
    middle, thickness = random.uniform(0.47, 0.53, 2), random.uniform(0.9, 1.5)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    pixels = np.stack([columns, rows], axis=-1) + 0.5
    distance = np.full((SIZE, SIZE), np.inf)
    for stroke in STROKES[digit]:
        points = 4 + 20 * ((np.array(stroke) - 0.5) @ turned + middle)
        for start, stop in zip(points, points[1:], strict=False):
            along = ((pixels - start) @ (stop - start) / max(1e-9, ((stop - start) ** 2).sum())).clip(0, 1)
            nearest = start + along[..., None] * (stop - start)
            distance = np.minimum(distance, np.linalg.norm(pixels - nearest, axis=-1))
    return np.rint(255 * np.clip(thickness + 0.7 - distance, 0, 1)).astype(np.uint8)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Return uint8[32, 28, 28] and int64[32]: the digits in turn, three times and a bit."""
    digits = np.arange(32) % 10
    return np.stack([draw(digit, seed) for seed, digit in enumerate(digits)]), digits


if __name__ == "__main__":
    x, y = pictures()
    np.savez_compressed(VECTORS, x=x, y=y)
