"""Turn the public Speech Commands archive into features: `python -m models.gsc.pack ARCHIVE OUT`.

ARCHIVE is the unpacked folder of Speech Commands version 2: a folder of wav files a word,
`validation_list.txt`, `testing_list.txt` and `_background_noise_`.
"""

import argparse
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from models.gsc.data import FILES, LABELS, SILENCE, UNKNOWN
from models.gsc.features import SAMPLE_RATE, log_mel

__all__ = ["clips", "main", "pack", "read_wav"]

LISTS = {"val": "validation_list.txt", "devtest": "testing_list.txt"}
NOISE = "_background_noise_"

NOISE_PARTS = {"train": (0.0, 0.8), "val": (0.8, 0.9), "devtest": (0.9, 1.0)}
"""Which part of each noise recording belongs to which split."""


def read_wav(path: Path) -> np.ndarray:
    """Read a mono recording of 16 bits at 16 kHz, int16[samples]."""
    with wave.open(str(path), "rb") as file:
        found = file.getnchannels(), file.getsampwidth(), file.getframerate()
        if found != (1, 2, SAMPLE_RATE):
            raise ValueError(f"{path} must have 1 channel of 2 bytes at {SAMPLE_RATE} Hz, not {found}")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def clips(archive: Path, split: str, seed: int = 0) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the clips of one split: every word, then silence.

    Parameters
    ----------
    archive : Path
        The unpacked folder.
    split : str
        "train", "val" or "devtest". The archive's lists say which recording belongs to the last two,
        so that no speaker is in more than one split.
    seed : int
        For the pieces of silence: a tenth as many as there are clips of the ten words, cut anywhere
        from the split's part of the noise recordings, at any volume from 0 to the recorded one.

    Yields
    ------
    int16[16000], int
        One second, padded or cut at its end, and its label: an index of `LABELS`.
    """
    lists = {name: set((archive / file).read_text().split()) for name, file in LISTS.items()}
    known = 0
    for path in sorted(archive.glob("[!_]*/*.wav")):
        word = path.parent.name
        place = f"{word}/{path.name}"
        if split == next((name for name, files in lists.items() if place in files), "train"):
            label = LABELS.index(word) if word in LABELS else UNKNOWN
            known += label > UNKNOWN
            audio = read_wav(path)[:SAMPLE_RATE]
            yield np.pad(audio, (0, SAMPLE_RATE - len(audio))), label
    random = np.random.default_rng(seed)
    recordings = [read_wav(path) for path in sorted((archive / NOISE).glob("*.wav"))]
    for _ in range(known // 10):
        recording = recordings[random.integers(len(recordings))]
        first, last = (int(share * len(recording)) for share in NOISE_PARTS[split])
        start = random.integers(first, max(first, last - SAMPLE_RATE) + 1)
        piece = recording[start : start + SAMPLE_RATE] * random.random()
        audio = np.rint(piece).astype(np.int16)
        yield np.pad(audio, (0, SAMPLE_RATE - len(audio))), SILENCE


def pack(archive: Path, out: Path, seed: int = 0) -> dict[str, int]:
    """Write the features of all splits where :func:`models.gsc.data.load_split` finds them.

    Returns
    -------
    dict
        How many clips each split has.
    """
    if not (archive / LISTS["val"]).exists():
        raise ValueError(f"{archive} must hold {LISTS['val']}; unpack the Speech Commands archive there")
    arrays: dict[str, dict[str, np.ndarray]] = {}
    counts = {}
    for split, (file, prefix) in FILES.items():
        pairs = [(log_mel(audio), label) for audio, label in clips(archive, split, seed)]
        x, y = np.stack([x for x, _ in pairs]), np.array([y for _, y in pairs], np.uint8)
        arrays.setdefault(file, {}).update({prefix + "x": x, prefix + "y": y})
        counts[split] = len(pairs)
    out.mkdir(parents=True, exist_ok=True)
    for file, content in arrays.items():
        np.savez_compressed(out / file, **content)
    return counts


def main() -> None:
    """Parse the command line and pack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="unpacked Speech Commands, version 2")
    parser.add_argument("out", type=Path, help="folder for the features; what train.py takes as --data")
    parser.add_argument("--seed", type=int, default=0, help="for the pieces of silence")
    arguments = parser.parse_args()
    counts = pack(arguments.archive, arguments.out, arguments.seed)
    print(", ".join(f"{name}: {count:,} clips" for name, count in counts.items()))


if __name__ == "__main__":
    main()
