"""The first difference on a stream is found in beats that came, complete or not, possible or not."""

import re

import pytest

from sim.locate import find_difference, stalled_stream
from sim.recording import Beats, Port, Recording, TapLog
from tests.sim.design import CONTRACT, layers, make_vectors

X = make_vectors(1).x
EXPECTED = {name: tensors[0] for name, tensors in layers(X).items()}


def right_logs():
    """Return what the streams carry when all is right."""
    logs = []
    for tap in CONTRACT.streams:
        words = tap.format.encode(EXPECTED[tap.layer])
        beats = Beats(list(range(100, 100 + len(words))), words)
        logs.append(TapLog({0: beats}, None, Port(False, True, 1)))
    return logs


def test_right_streams_have_no_difference():
    assert find_difference(CONTRACT, right_logs(), 0, EXPECTED) is None


def test_beats_that_have_not_come_are_not_compared():
    logs = right_logs()
    for log in logs:
        del log.frames[0].words[4:]
        log.port = Port(True, False, 0, 4)
    assert find_difference(CONTRACT, logs, 0, EXPECTED) is None


def test_an_entry_that_never_comes_is_told_at_the_end_of_the_frame():
    logs = right_logs()
    lost = logs[2].frames[0].words.pop(0)
    found = find_difference(CONTRACT, logs, 0, EXPECTED)
    value = CONTRACT.streams[2].format.payload.from_bits(lost).value
    assert (found.stream, found.layer, found.expected, found.got) == ("entries", "kwta", value, 0)
    assert found.cycle == 100 + len(logs[2].frames[0].words) - 1


def test_the_earliest_wrong_beat_is_named():
    logs = right_logs()
    logs[0].frames[0].words[7] ^= 1
    logs[0].frames[0].words[3] ^= 1 << 7
    found = find_difference(CONTRACT, logs, 0, EXPECTED)
    assert (found.channel, found.y, found.x, found.cycle) == (1, 1, 0, 103)
    assert str(found).startswith("layer relu, stream relu: channel 1, y 1, x 0: expected ")


@pytest.mark.parametrize(
    ("beat", "what"),
    [
        (0b1111110, "carries the index 31, which does not exist"),
        (0b0000000, "carries nothing, not even the end of the frame"),
    ],
)
def test_an_entry_that_no_right_hardware_sends_is_named(beat, what):
    logs = right_logs()
    logs[2].frames[0].words[1] = beat
    assert what in str(find_difference(CONTRACT, logs, 0, EXPECTED))
    assert what in str(find_difference(CONTRACT, logs, 0, {}))


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ([(1, 0, 9), (1, 0, 0), (1, 0, 0), (0, 1, 0)], "stream winners is offered but never taken, frame 0"),
        ([(1, 0, 9), (0, 1, 0), (0, 1, 0), (0, 1, 0)], "stream s_axis is offered .*; the next .* relu"),
        ([(0, 1, 9), (0, 1, 1), (0, 1, 0), (0, 1, 0)], "stream winners offers nothing more after 0 beats"),
        ([(0, 1, 9), (0, 1, 1), (0, 1, 1), (0, 1, 1)], "every internal stream has passed all frames"),
    ],
)
def test_the_stream_that_stands_still_is_named(states, text):
    first, *taps = (Port(bool(valid), bool(ready), passed) for valid, ready, passed in states)
    logs = [TapLog(port=port) for port in taps]
    found = stalled_stream(CONTRACT, Recording(ports={"s_axis": first}), logs)
    assert re.search(text, found)
