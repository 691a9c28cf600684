"""Make sounds a little like words, and their features: `python -m models.gsc.synthesize`.

They are for trying hardware anywhere, without recordings: pictures as busy as speech. Nobody claims
that a network hears the word in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.gsc.features import SAMPLE_RATE, log_mel

__all__ = ["SPEAKERS", "VECTORS", "WORDS", "Hiss", "Speaker", "Vowel", "features", "speak"]

VECTORS = Path(__file__).with_name("vectors.npz")
"""The features of every word by every speaker, as shipped."""


@dataclass(frozen=True)
class Vowel:
    """A voiced sound that glides from one set of formants to another.

    Parameters
    ----------
    start, stop : float
        When it sounds, in seconds.
    first, last : (float, float)
        The two lowest formants at its start and end, in Hz.
    """

    start: float
    stop: float
    first: tuple[float, float]
    last: tuple[float, float]


@dataclass(frozen=True)
class Hiss:
    """Noise of one band, as in "s", or a burst of it, as in "t".

    Parameters
    ----------
    start, stop : float
        When it sounds, in seconds.
    center, width : float
        Of the band, in Hz.
    level : float
        Loudness next to a vowel's.
    """

    start: float
    stop: float
    center: float
    width: float
    level: float = 0.3


@dataclass(frozen=True)
class Speaker:
    """A voice: its pitch in Hz, the factor on its formants, its peak of 32,767, its background noise."""

    pitch: float
    formants: float
    peak: float
    noise: float


SPEAKERS = (
    Speaker(pitch=105, formants=0.95, peak=12_000, noise=20),
    Speaker(pitch=190, formants=1.12, peak=8_000, noise=150),
    Speaker(pitch=140, formants=1.0, peak=20_000, noise=5),
    Speaker(pitch=250, formants=1.25, peak=3_000, noise=60),
)

EE, EH, AH, AW, OH, OO = (280, 2250), (550, 1850), (730, 1150), (580, 880), (450, 850), (310, 800)
"""Formants of vowels, in Hz."""

WORDS: dict[str, Sequence[Vowel | Hiss]] = {
    "yes": (Vowel(0.2, 0.32, EE, EH), Vowel(0.32, 0.5, EH, EH), Hiss(0.5, 0.75, 5000, 2500)),
    "no": (Vowel(0.25, 0.35, (250, 1200), OH), Vowel(0.35, 0.7, OH, OO)),
    "up": (Vowel(0.3, 0.5, AH, AH), Hiss(0.58, 0.61, 900, 800, 0.5)),
    "left": (
        Vowel(0.2, 0.45, (350, 1100), EH),
        Hiss(0.45, 0.55, 4000, 3500, 0.1),
        Hiss(0.6, 0.65, 3500, 2500),
    ),
    "right": (Vowel(0.2, 0.55, (400, 1100), EE), Hiss(0.63, 0.68, 3500, 2500)),
    "stop": (Hiss(0.15, 0.33, 5200, 2500), Vowel(0.4, 0.62, AW, AH), Hiss(0.7, 0.73, 900, 800, 0.4)),
    "go": (Hiss(0.25, 0.28, 1800, 800, 0.4), Vowel(0.28, 0.65, OH, OO)),
    "silence": (),
}
"""Word → the sounds that it is made of."""


def speak(word: str, speaker: Speaker, seed: int) -> np.ndarray:
    """Return one second of a word, int16[16000], the same for the same seed."""
    random = np.random.default_rng(seed)
    audio = np.zeros(SAMPLE_RATE)
    for sound in WORDS[word]:
        wave = _vowel(sound, speaker) if isinstance(sound, Vowel) else _hiss(sound, random)
        audio += wave * _envelope(sound.start, sound.stop)
    loudest = np.abs(audio).max()
    scaled = audio * (speaker.peak / loudest if loudest else 0.0)
    return np.rint(scaled + random.normal(0, speaker.noise, SAMPLE_RATE)).clip(-32768, 32767).astype(np.int16)


def features() -> np.ndarray:
    """Return uint8[32, 32, 32], (clip, mel, time): each word in turn by each speaker."""
    clips = [(word, speaker) for word in WORDS for speaker in SPEAKERS]
    return np.stack([log_mel(speak(word, speaker, seed)) for seed, (word, speaker) in enumerate(clips)])


def _envelope(start: float, stop: float) -> np.ndarray:
    """Return float64[16000]: 1 while a sound lasts, with rises and falls of 15 ms."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return np.clip((time - start) / 0.015, 0, 1) * np.clip((stop - time) / 0.015, 0, 1)


def _vowel(sound: Vowel, speaker: Speaker) -> np.ndarray:
    """Return float64[16000]: harmonics of a falling pitch, louder near the gliding formants."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    part = np.clip((time - sound.start) / (sound.stop - sound.start), 0, 1)
    pitch = speaker.pitch * (1.1 - 0.2 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    harmonics = np.arange(1, int(4000 / speaker.pitch))[:, None]
    loudness = np.zeros((len(harmonics), SAMPLE_RATE))
    pairs = zip((*sound.first, 2600), (*sound.last, 2600), (90, 110, 160), (1.0, 0.5, 0.2), strict=True)
    for first, last, width, level in pairs:
        formant = speaker.formants * (first + (last - first) * part)
        loudness += level / (1 + ((harmonics * pitch - formant) / width) ** 2)
    return (loudness * np.sin(harmonics * phase)).sum(axis=0)


def _hiss(sound: Hiss, random: np.random.Generator) -> np.ndarray:
    """Return float64[16000]: white noise through a bell-shaped band."""
    spectrum = np.fft.rfft(random.normal(size=SAMPLE_RATE))
    frequency = np.arange(len(spectrum))
    band = np.exp(-(((frequency - sound.center) / sound.width) ** 2))
    wave = np.fft.irfft(spectrum * band, SAMPLE_RATE)
    return sound.level * wave / wave.std()


if __name__ == "__main__":
    np.savez_compressed(VECTORS, x=features())
