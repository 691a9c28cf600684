"""From an archive of wav files to the features that training reads."""

import wave
from pathlib import Path

import numpy as np
import pytest

from models.gsc.data import LABELS, SILENCE, UNKNOWN, load_split
from models.gsc.features import log_mel
from models.gsc.pack import clips, pack, read_wav


def write_wav(path: Path, audio: np.ndarray, rate: int = 16_000) -> None:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(audio.astype("<i2").tobytes())


@pytest.fixture
def archive(tmp_path) -> Path:
    """Return 12 clips of "yes" and of "bed", the last of each for testing, the one before for validation."""
    random = np.random.default_rng(0)
    for word in ("yes", "bed"):
        for number in range(12):
            write_wav(tmp_path / word / f"{number:02}.wav", random.integers(-9000, 9000, 9000 + 900 * number))
    write_wav(tmp_path / "_background_noise_" / "hum.wav", random.integers(-3000, 3000, 200_000))
    (tmp_path / "validation_list.txt").write_text("yes/10.wav\nbed/10.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/11.wav\nbed/11.wav\n")
    return tmp_path


def test_lists_part_the_clips_and_words_get_their_labels(archive):
    labels = {split: [label for _, label in clips(archive, split)] for split in ("train", "val", "devtest")}
    yes = LABELS.index("yes")
    assert labels["train"] == [UNKNOWN] * 10 + [yes] * 10 + [SILENCE]
    assert labels["val"] == labels["devtest"] == [UNKNOWN, yes]


def test_clips_last_a_second_and_begin_as_recorded(archive):
    found = [audio for audio, label in clips(archive, "train") if label > UNKNOWN]
    recorded = read_wav(archive / "yes" / "00.wav")
    assert {audio.shape for audio in found} == {(16_000,)}
    assert np.array_equal(found[0][:9000], recorded)
    assert not found[0][9000:].any()


def test_silence_is_noise_no_louder_than_recorded_and_repeats_with_the_seed(archive):
    *_, (first, _) = clips(archive, "train", seed=3)
    *_, (again, _) = clips(archive, "train", seed=3)
    *_, (other, _) = clips(archive, "train", seed=4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0 < np.abs(first).max() <= 3000


def test_packed_features_are_what_training_reads(archive, tmp_path):
    assert pack(archive, tmp_path / "packed") == {"train": 21, "val": 2, "devtest": 2}
    split = load_split(tmp_path / "packed", "devtest")
    audio = read_wav(archive / "bed" / "11.wav")[:16_000]
    assert np.array_equal(split.x[0, 0].numpy(), log_mel(np.pad(audio, (0, 16_000 - len(audio)))))
    assert len(load_split(tmp_path / "packed", "train")) == 21


def test_other_formats_and_folders_are_refused(tmp_path):
    write_wav(tmp_path / "yes" / "a.wav", np.zeros(100), rate=8000)
    with pytest.raises(ValueError, match=r"must have 1 channel of 2 bytes at 16000 Hz, not \(1, 2, 8000\)"):
        read_wav(tmp_path / "yes" / "a.wav")
    with pytest.raises(ValueError, match="must hold validation_list.txt; unpack the Speech Commands archive"):
        pack(tmp_path, tmp_path / "out")
