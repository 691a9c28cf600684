"""The egress sends every element once, in natural order, one a cycle, and marks each frame's end."""

import numpy as np
import pytest

from hdl.axi.egress import EgressConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat, bits_of
from tests.hdl.axi.hosts import Receiver, transfer
from tests.hdl.bench import STALLS, run_stream

S20, U8, S40 = FixedPoint(20, 0, True), FixedPoint(8, 0, False), FixedPoint(40, 0, True)
TABLE = {
    "logits": DenseFormat.natural((12, 1, 1), S20, 3),
    "several pixels, padded": DenseFormat.natural((5, 2, 3), S20, 2),
    "a beat a pixel": DenseFormat.natural((4, 2, 2), U8, 4),
    "one lane": DenseFormat.natural((3, 2, 2), U8, 1),
    "a permuted order": DenseFormat((3, 2, 2), S20, 2, (2, -1, 0, 1)),
    "more groups than channels": DenseFormat((2, 2, 2), S20, 1, (-1, 1, -1, 0)),
    "one channel": DenseFormat.natural((1, 3, 3), U8, 1),
    "a wide container": DenseFormat.natural((3, 1, 2), S40, 3),
    "one element": DenseFormat.natural((1, 1, 1), S20, 1),
}


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_every_element_is_sent(name, stall):
    config = EgressConfig(source=TABLE[name])
    form, shape = config.source.form, config.source.shape
    rng = np.random.default_rng(23)
    frames = [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(4)]
    frames += [np.full(shape, value) for value in (form.minimum, form.maximum, 0)]
    beats = [beat for frame in frames for beat in config.source.encode(frame)]
    budget = 60 + 6 * len(frames) * config.cycles_per_frame
    run = run_stream(Receiver(config), beats, len(frames) * config.beats, stall=stall, budget=budget)
    layout = transfer(config.data_bits)
    expected = [
        bits_of(layout, {"tdata": word, "tlast": number == config.beats - 1})
        for frame in frames
        for number, word in enumerate(config.encode(frame))
    ]
    assert run.beats == expected
    words = [layout.from_bits(beat).tdata for beat in run.beats]
    decoded = [config.decode(words[n : n + config.beats]) for n in range(0, len(words), config.beats)]
    assert (np.array(decoded) == np.array(frames)).all()
    if stall in ("none", "source"):
        assert run.keeps_to(config.timing(run.accepted))
    if stall == "none":
        assert run.keeps_to(config.timing(np.zeros(len(beats), dtype=int)))
        first, last = run.offered[config.beats - 1], run.offered[-1]
        assert last - first == (len(frames) - 1) * config.cycles_per_frame


def test_containers_follow_the_format():
    widths = {
        form.width: EgressConfig(source=DenseFormat.natural((1, 1, 1), form, 1)).data_bits
        for form in (U8, S20, FixedPoint(32, 0, True), FixedPoint(33, 0, True))
    }
    assert widths == {8: 32, 20: 32, 32: 32, 33: 64}
