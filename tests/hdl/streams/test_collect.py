"""Collecting a pixel's groups keeps the tensor and names its channels in order."""

import numpy as np
import pytest

from hdl.numerics import FixedPoint
from hdl.streams.collect import Collect, CollectConfig
from hdl.streams.formats import DenseFormat, bits_of
from tests.hdl.bench import STALLS, run_stream

S5, U4 = FixedPoint(5, 0, True), FixedPoint(4, 0, False)
TABLE = {
    "groups, the last one padded": DenseFormat.natural((7, 2, 2), S5, 3),
    "one group": DenseFormat.natural((4, 2, 3), U4, 4),
    "one lane": DenseFormat.natural((3, 1, 4), S5, 1),
    "a permuted order": DenseFormat((3, 2, 2), S5, 2, (2, -1, 0, 1)),
    "a group of padding": DenseFormat((2, 2, 1), S5, 2, (-1, 1, 0, -1, -1, -1)),
    "one element": DenseFormat.natural((1, 1, 1), U4, 1),
}


def _words(config, frame):
    pixels = frame.reshape(len(frame), -1).T.tolist()
    return [
        bits_of(
            config.target.payload,
            {"count": len(pixel), "pairs": [{"value": v, "index": c} for c, v in enumerate(pixel)]},
        )
        for pixel in pixels
    ]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_every_channel_is_collected(name, stall):
    config = CollectConfig(source=TABLE[name])
    form, shape = config.source.form, config.source.shape
    rng = np.random.default_rng(17)
    frames = [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(4)]
    frames.append(np.zeros(shape, dtype=np.int64))
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    words = [word for frame in frames for word in _words(config, frame)]
    run = run_stream(Collect(config), beats, len(words), stall=stall, budget=60 + 6 * len(beats))
    assert run.beats == words
    assert (config.target.decode(run.beats[: config.target.beats]) == frames[0]).all()
    if stall in ("none", "source"):
        assert run.keeps_to(config.timing(run.accepted))
    if stall == "none":
        assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))
        assert len(beats) == len(frames) * config.cycles_per_frame
