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
]


def _frames(config, count=3):
    rng = np.random.default_rng(config.height)
    return rng.integers(0, 2**config.bits, (count, config.height, config.width))


def _payload(window, bits):
    return sum(int(pixel) << (bits * tap) for tap, pixel in enumerate(window))


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_windows_equal_the_model(config, stall):
    frames = _frames(config)
    expected = [_payload(w, config.bits) for frame in frames for w in windows(frame, config)]
    run = run_stream(Window(config), frames.ravel().tolist(), len(expected), stall=stall)
    assert run.beats == expected


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_windows_are_offered_when_predicted(config):
    frames = _frames(config)
    count = len(frames) * config.rows * config.columns
    run = run_stream(Window(config), frames.ravel().tolist(), count)
    assert run.keeps_to(config.timing(np.zeros(frames.size, dtype=int)))


@pytest.mark.parametrize("hold", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_windows_are_offered_when_predicted_to_a_slow_consumer(config, hold):
    frames = _frames(config)
    count = len(frames) * config.rows * config.columns
    run = run_stream(Window(config), frames.ravel().tolist(), count, hold=hold)
    assert run.beats == [_payload(w, config.bits) for frame in frames for w in windows(frame, config)]
    assert run.keeps_to(replace(config, hold_cycles=hold).timing(np.zeros(frames.size, dtype=int)))


@pytest.mark.parametrize(
    ("change", "text"),
    [({"padding": (3, 0, 0, 0)}, "padding must be smaller"), ({"kernel": (9, 9)}, "kernel must fit")],
)
def test_wrong_geometry_is_refused(change, text):
    with pytest.raises(ValueError, match=text):
        WindowConfig(**{"bits": 8, "height": 4, "width": 4, "kernel": (3, 3), **change})
