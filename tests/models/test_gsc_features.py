"""The front end against recordings, and the sounds that the project makes itself."""

import io

import numpy as np
import pytest
import soundfile

from models.gsc.features import log_mel
from models.gsc.synthesize import SPEAKERS, VECTORS, WORDS, features, speak
from tests.models.speech import DATA, needs_recordings


@needs_recordings
def test_features_equal_the_recorded_ones_pixel_by_pixel():
    with np.load(DATA / "gsc12_devtest.npz") as arrays:
        x, flac, offset = arrays["x"], arrays["flac"], arrays["offset"]
    for clip in range(0, len(x), 37):
        coded = io.BytesIO(flac[offset[clip] : offset[clip + 1]].tobytes())
        audio, rate = soundfile.read(coded, dtype="int16")
        assert rate == 16_000
        assert np.array_equal(log_mel(audio), x[clip])


def test_a_tone_lights_the_row_of_its_frequency():
    time = np.arange(16_000) / 16_000
    rows = [
        log_mel(np.rint(8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)).mean(axis=1).argmax()
        for hertz in (200, 1000, 3000)
    ]
    mel = [1127 * np.log1p(hertz / 700) for hertz in (200, 1000, 3000)]
    expected = [m / (1127 * np.log1p(4000 / 700)) * 41 / 40 * 32 - 0.8 for m in mel]
    assert np.allclose(rows, expected, atol=1.0)


def test_a_later_sound_lights_later_columns():
    audio = np.zeros(16_000, np.int16)
    audio[12_000:12_400] = np.random.default_rng(0).integers(-9000, 9000, 400)
    assert log_mel(audio).mean(axis=0).argmax() == 24


def test_digital_silence_is_the_floor():
    assert log_mel(np.zeros(16_000, np.int16)).max() == 0


@pytest.mark.parametrize("audio", [np.zeros(15_999, np.int16), np.zeros(16_000, np.float32)])
def test_other_lengths_and_types_are_refused(audio):
    with pytest.raises(ValueError, match="audio must be int16 of 16000 samples, not"):
        log_mel(audio)


def test_shipped_vectors_are_the_features_of_the_synthesized_words():
    with np.load(VECTORS) as arrays:
        assert arrays.files == ["x"]
        shipped = arrays["x"]
    assert (shipped.dtype, shipped.shape) == (np.uint8, (32, 32, 32))
    difference = np.abs(features().astype(int) - shipped)
    assert difference.max() <= 1, "a rounding may fall the other way on another machine, no more"


def test_synthesized_words_are_as_busy_as_speech_and_all_different():
    pictures = features().astype(float)
    assert 50 < pictures.mean() < 130
    assert len(np.unique(pictures.reshape(32, -1), axis=0)) == 32


def test_the_same_seed_speaks_the_same_word():
    word = next(iter(WORDS))
    assert np.array_equal(speak(word, SPEAKERS[0], 5), speak(word, SPEAKERS[0], 5))
    assert not np.array_equal(speak(word, SPEAKERS[0], 5), speak(word, SPEAKERS[0], 6))
