"""Bursts cover a transfer exactly, and none crosses a boundary of 4 KiB."""

import pytest

from hdl.axi.bursts import Bursts, BurstsConfig, split_into_bursts
from hdl.streams.formats import bits_of
from tests.hdl.bench import STALLS, run_stream

TABLE = {
    "long words": BurstsConfig(word_bits=512, burst_words=16, count_bits=40),
    "a whole page": BurstsConfig(word_bits=512, burst_words=64, count_bits=40),
    "short words": BurstsConfig(word_bits=32, burst_words=256, count_bits=36),
    "single words": BurstsConfig(word_bits=64, burst_words=1, count_bits=8),
}


def _transfers(config):
    """Return some transfers; the last begin near the ends of 4 KiB, 4 GiB and of all addresses."""
    unit, most = config.word_bytes, min(3 * config.burst_words, (1 << config.count_bits) - 1)
    starts = [0, 5 * unit, 4096 - unit, (1 << 32) - 3 * unit, (1 << 64) - 2 * unit, 7 << 40]
    return [(start, words) for start in starts for words in (1, most, 0, 2)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_transfers_become_bursts(name, stall):
    config = TABLE[name]
    inputs, outputs = [], []
    for address, words in _transfers(config):
        inputs.append(bits_of(config.transfer, {"address": address, "words": words}))
        bursts = split_into_bursts(config, address, words)
        for number, (at, count) in enumerate(bursts):
            last = number == len(bursts) - 1
            outputs.append(bits_of(config.burst, {"address": at, "words": count, "last": last}))
    run = run_stream(Bursts(config), inputs, len(outputs), stall=stall, budget=60 + 10 * len(outputs))
    assert run.beats == outputs


@pytest.mark.parametrize("name", TABLE)
def test_bursts_obey_the_standard(name):
    config = TABLE[name]
    for address, words in _transfers(config):
        at, total = address, 0
        for start, count in split_into_bursts(config, address, words):
            assert start == at and 1 <= count <= config.burst_words
            assert start // 4096 == (start + count * config.word_bytes - 1) // 4096
            at = (start + count * config.word_bytes) % (1 << 64)
            total += count
        assert total == words


def test_a_million_frames_are_counted_to_the_end():
    config = TABLE["long words"]
    frames, words, base = 1_000_000, 25, (3 << 32) + 64
    bursts = split_into_bursts(config, base, frames * words)
    assert sum(count for _, count in bursts) == frames * words
    assert bursts[-1][0] + bursts[-1][1] * 64 == base + frames * words * 64
    # The hardware near that end, from where it would be by then.
    address, left = bursts[-3][0], sum(count for _, count in bursts[-3:])
    high = bits_of(config.transfer, {"address": address, "words": left})
    expected = [
        bits_of(config.burst, {"address": at, "words": count, "last": (at, count) == bursts[-1]})
        for at, count in bursts[-3:]
    ]
    assert run_stream(Bursts(config), [high], 3, budget=40).beats == expected
    # And at its beginning, where all that count is still to do.
    whole = bits_of(config.transfer, {"address": base, "words": (1 << 40) - 1})
    begun = split_into_bursts(config, base, 100)[:4]
    run = run_stream(Bursts(config), [whole], 4, budget=40)
    got = [config.burst.from_bits(beat) for beat in run.beats[:4]]
    assert [(burst.address, burst.words, burst.last) for burst in got] == [(*burst, 0) for burst in begun]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"burst_words": 3}, "burst_words must be a power of two up to 256, not 3"),
        ({"burst_words": 512}, "burst_words must be a power of two up to 256, not 512"),
        ({"burst_words": 128}, "a burst must be at most 4096 bytes, not 8192"),
        ({"count_bits": 0}, "count_bits must be a positive integer, not 0"),
    ],
)
def test_a_wrong_configuration_is_rejected(fields, message):
    with pytest.raises(ValueError, match=message):
        BurstsConfig(**{"word_bits": 512, "burst_words": 16, "count_bits": 40} | fields)
