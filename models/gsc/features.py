"""The front end: one second of audio to a 32×32 log-mel picture."""

import numpy as np

__all__ = ["SAMPLE_RATE", "log_mel"]

SAMPLE_RATE = 16_000
"""Hz; a clip is one second long."""

WINDOW, HOP, FFT = 480, 160, 512
"""Samples in a frame (30 ms), between frames (10 ms), and points of the transform."""

FILTERS, HIGHEST_HZ = 40, 4000.0
SIZE = 32
"""Mel rows and time columns of the picture."""


def log_mel(audio: np.ndarray) -> np.ndarray:
    """Compute the features that the network was trained on.

    Parameters
    ----------
    audio : int16[16000]
        One second at 16 kHz. Pad or cut shorter or longer clips first.

    Returns
    -------
    uint8[32, 32]
        Log-mel power as (mel, time): low frequencies and early times first; a factor e in power is
        9.89 units.

    Rounding
    --------
    `numpy.rint`, half to even, twice: before and after averaging down. This is host arithmetic;
    hardware sees only the result.

    Raises
    ------
    ValueError
        If the clip is not one second of int16.
    """
    if audio.shape != (SAMPLE_RATE,) or audio.dtype != np.int16:
        raise ValueError(f"audio must be int16 of {SAMPLE_RATE} samples, not {audio.dtype} of {audio.shape}")
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    power = np.abs(np.fft.rfft(frames * hann, FFT)) ** 2 @ _mel_filters().T
    pixels = np.clip(np.rint(9.89 * np.log(power + 100) - 59.6), 0, 255)
    averaged = _averaging(len(pixels)) @ pixels @ _averaging(FILTERS).T
    return np.rint(averaged).T.astype(np.uint8)


def _mel_filters() -> np.ndarray:
    """Return float64[filters, bins]: triangles of peak 1, linear and evenly spaced in mel."""
    frequencies = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    mel = 1127 * np.log1p(frequencies / 700)
    edges = np.linspace(0, 1127 * np.log1p(HIGHEST_HZ / 700), FILTERS + 2)
    spacing = edges[1]
    return np.maximum(0, 1 - np.abs(mel - edges[1:-1, None]) / spacing)


def _averaging(length: int) -> np.ndarray:
    """Return float64[32, length]: each row averages the part of the input that its cell covers."""
    edges = np.arange(SIZE + 1) * length / SIZE
    starts = np.maximum(edges[:-1, None], np.arange(length))
    ends = np.minimum(edges[1:, None], np.arange(length) + 1)
    return np.maximum(0, ends - starts) * SIZE / length
