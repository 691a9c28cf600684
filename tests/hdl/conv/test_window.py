"""Windows hold the pixels they should, in order, at the predicted cycle, under every stall."""

from dataclasses import replace

import numpy as np
import pytest

from hdl.conv.window import Window, WindowConfig, windows
from tests.hdl.bench import STALLS, run_stream

CONFIGS = [
    WindowConfig(bits=8, height=6, width=7, kernel=(3, 3)),
    WindowConfig(bits=5, height=5, width=4, kernel=(3, 2), padding=(1, 2, 1, 0)),
    WindowConfig(bits=8, height=4, width=5, kernel=(1, 1)),
    WindowConfig(bits=8, height=1, width=6, kernel=(1, 3), padding=(0, 0, 1, 1)),
    WindowConfig(bits=9, height=8, width=3, kernel=(5, 3), padding=(2, 2, 1, 1)),
    WindowConfig(bits=6, height=6, width=8, kernel=(5, 5)),
    WindowConfig(bits=8, height=3, width=1, kernel=(3, 1)),
    WindowConfig(bits=4, height=9, width=2, kernel=(2, 2)),
    # Words of several pixels: loaded from one, from two, with steps in between, padded, cut off.
    WindowConfig(bits=4, height=4, width=8, kernel=(3, 3), pixels_per_beat=4),
    WindowConfig(bits=3, height=7, width=8, kernel=(5, 5), pixels_per_beat=4),
    WindowConfig(bits=4, height=4, width=6, kernel=(2, 5), pixels_per_beat=2),
    WindowConfig(bits=5, height=3, width=6, kernel=(3, 3), padding=(1, 1, 1, 1), pixels_per_beat=3),
    WindowConfig(bits=4, height=3, width=4, kernel=(2, 4), padding=(0, 1, 2, 3), pixels_per_beat=2),
    WindowConfig(bits=4, height=3, width=4, kernel=(1, 4), pixels_per_beat=4),
    # Windows side by side.
    WindowConfig(bits=4, height=6, width=8, kernel=(3, 5), pixels_per_beat=8, windows_per_beat=4),
    WindowConfig(bits=4, height=4, width=8, kernel=(2, 5), pixels_per_beat=4, windows_per_beat=2),
    WindowConfig(bits=4, height=4, width=8, kernel=(2, 5), pixels_per_beat=4, windows_per_beat=4),
    WindowConfig(
        bits=3, height=4, width=6, kernel=(3, 3), padding=(1, 1, 1, 1), pixels_per_beat=2, windows_per_beat=2
    ),
    WindowConfig(
        bits=3, height=3, width=8, kernel=(2, 4), padding=(0, 0, 1, 0), pixels_per_beat=4, windows_per_beat=2
    ),
]


def _frames(config, count=3):
    rng = np.random.default_rng(config.height)
    return rng.integers(0, 2**config.bits, (count, config.height, config.width))


def _payload(pixels, bits):
    return sum(int(pixel) << (bits * number) for number, pixel in enumerate(pixels))


def _beats(frames, config):
    return [_payload(beat, config.bits) for beat in frames.reshape(-1, config.pixels_per_beat)]


def _at_once(frames, config):
    return np.zeros(frames.size // config.pixels_per_beat, dtype=int)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_windows_equal_the_model(config, stall):
    frames = _frames(config)
    expected = [_payload(w, config.bits) for frame in frames for w in windows(frame, config)]
    run = run_stream(Window(config), _beats(frames, config), len(expected), stall=stall)
    assert run.beats == expected


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_windows_are_offered_when_predicted(config):
    frames = _frames(config)
    count = len(frames) * config.beats
    run = run_stream(Window(config), _beats(frames, config), count)
    assert run.keeps_to(config.timing(_at_once(frames, config)))


@pytest.mark.parametrize(
    ("hold", "lazy"), [*((hold, False) for hold in (1, 2, 3, 4, 7)), *((hold, True) for hold in (2, 3, 7))]
)
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_windows_are_offered_when_predicted_to_a_slow_consumer(config, hold, lazy):
    frames = _frames(config)
    count = len(frames) * config.beats
    slowed = replace(config, hold_cycles=hold, lazy=lazy)
    run = run_stream(Window(slowed), _beats(frames, config), count, hold=hold)
    assert run.beats == [_payload(w, config.bits) for frame in frames for w in windows(frame, config)]
    assert run.keeps_to(slowed.timing(_at_once(frames, config)))


@pytest.mark.parametrize(("hold", "holders"), [(4, 2), (7, 3), (12, 5)])
@pytest.mark.parametrize("config", CONFIGS[5::5], ids=str)
def test_windows_are_offered_when_predicted_to_several_consumers(config, hold, holders):
    frames = _frames(config)
    count = len(frames) * config.beats
    slowed = replace(config, hold_cycles=hold, holders=holders)
    run = run_stream(Window(slowed), _beats(frames, config), count, hold=hold, holders=holders)
    assert run.keeps_to(slowed.timing(_at_once(frames, config)))
    ends = slowed.timing(_at_once(_frames(config, 13), config)).offered[config.beats - 1 :: config.beats]
    assert np.diff(ends)[1:].max() == slowed.cycles_per_frame


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_frames_follow_each_other_as_fast_as_stated(config):
    for hold, lazy in ((1, False), (2, False), (2, True), (3, False), (3, True), (7, False), (7, True)):
        slowed = replace(config, hold_cycles=hold, lazy=lazy)
        ends = slowed.timing(_at_once(_frames(config, 8), config)).offered[config.beats - 1 :: config.beats]
        assert ends[-1] - ends[-2] == slowed.cycles_per_frame


def test_a_row_may_follow_another_without_a_pause():
    speech = WindowConfig(bits=8, height=32, width=32, kernel=(5, 5), pixels_per_beat=4)
    assert (speech.looks_ahead, speech.idle_steps, speech.cycles_per_frame) == (True, 0, 28 * 28)
    together = replace(speech, pixels_per_beat=8, windows_per_beat=4)
    assert (together.looks_ahead, together.idle_steps, together.cycles_per_frame) == (False, 0, 28 * 7)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"hold_cycles": 3, "holders": 2, "lazy": True}, "a lazy window must rest, and be kept 4 cycles"),
        ({"padding": (3, 0, 0, 0)}, "padding must be smaller"),
        ({"kernel": (9, 9)}, "kernel must fit"),
        ({"pixels_per_beat": 3}, "pixels_per_beat must be a divisor of 4, not 3"),
        ({"windows_per_beat": 2}, "windows_per_beat must be a divisor of 2 and 1, not 2"),
        ({"pixels_per_beat": 4, "windows_per_beat": 4}, "must be a divisor of 2 and 4, not 4"),
    ],
)
def test_wrong_geometry_is_refused(change, text):
    with pytest.raises(ValueError, match=text):
        WindowConfig(**{"bits": 8, "height": 4, "width": 4, "kernel": (3, 3), **change})
