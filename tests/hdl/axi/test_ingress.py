"""The ingress passes whole frames on, and recovers from frames of the wrong length."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.axi.axi_stream import AxiStream
from hdl.axi.ingress import IngressConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat, bits_of
from tests.hdl.axi.hosts import Transmitter, transfer
from tests.hdl.bench import STALLS, run_stream

S8, S5, U12 = FixedPoint(8, 0, True), FixedPoint(5, 0, True), FixedPoint(12, 0, False)
TABLE = {
    "one channel": DenseFormat.natural((1, 3, 4), S8, 1),
    "groups, the last one padded": DenseFormat.natural((5, 2, 2), S5, 2),
    "a permuted order": DenseFormat((3, 2, 2), U12, 2, (2, -1, 0, 1)),
    "a wide container": DenseFormat.natural((4, 1, 3), U12, 4),
    "several pixels a beat": DenseFormat.natural((1, 2, 8), S8, 1, 4),
    "pixels of padded lanes": DenseFormat((2, 2, 2), S5, 3, (1, -1, 0), 2),
    "one element": DenseFormat.natural((1, 1, 1), S8, 1),
}


def _frames(form, shape, count=4):
    rng = np.random.default_rng(29)
    return [rng.integers(form.minimum, form.maximum + 1, shape) for _ in range(count)]


def _transfers(config, words, *, last=True):
    """Return raw transfers; the bits that no element uses are set."""
    width, container = config.target.form.width, config.container_bits
    spare = ((1 << container) - (1 << width)) * ((1 << config.data_bits) - 1) // ((1 << container) - 1)
    final = len(words) - 1 if last else None
    layout = transfer(config.data_bits)
    return [bits_of(layout, {"tdata": word | spare, "tlast": n == final}) for n, word in enumerate(words)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", TABLE)
def test_whole_frames_pass(name, stall):
    config = IngressConfig(target=TABLE[name])
    frames = _frames(config.target.form, config.target.shape)
    inputs = [beat for frame in frames for beat in _transfers(config, config.encode(frame))]
    outputs = [beat for frame in frames for beat in config.target.encode(frame)]
    run = run_stream(Transmitter(config), inputs, len(outputs), stall=stall, budget=60 + 6 * len(outputs))
    assert run.beats == outputs
    assert _first_error(config, inputs) is None
    if stall in ("none", "source"):
        assert run.keeps_to(config.timing(run.accepted))
    if stall == "none":
        assert run.keeps_to(config.timing(np.zeros(len(inputs), dtype=int)))
        assert len(inputs) == len(frames) * config.cycles_per_frame


def test_padded_slots_become_zero():
    config = IngressConfig(target=DenseFormat((3, 1, 1), S8, 2, (2, -1, 0, 1)))
    run = run_stream(Transmitter(config), _transfers(config, [0xFF01, 0x0203]), 2, budget=20)
    assert run.beats == [0x0001, 0x0203]


FAULTS = {
    "cut short": [4],
    "cut to one transfer": [1],
    "one too few": [11],
    "one too many": [13],
    "three frames in one": [36],
    "short, long, short": [5, 20, 2],
    "a right one between": [3, 12, 30],
}


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", FAULTS)
def test_the_frame_after_a_wrong_one_is_right(name, stall):
    config = IngressConfig(target=TABLE["one channel"])
    good = _frames(S8, config.target.shape, 2)
    inputs, outputs = [], []
    for length in FAULTS[name]:
        words = list(range(1, length + 1))
        inputs += _transfers(config, words)
        outputs += [*words, *([0] * 12)][:12]
    first = next(n for n, length in enumerate(FAULTS[name]) if length != 12)
    shows = sum(FAULTS[name][:first]) + min(FAULTS[name][first], 12)
    for frame in good:
        inputs += _transfers(config, config.encode(frame))
        outputs += config.target.encode(frame)
    run = run_stream(Transmitter(config), inputs, len(outputs), stall=stall, budget=60 + 12 * len(inputs))
    assert run.beats == outputs
    assert _first_error(config, inputs) == shows


def _first_error(config, inputs):
    """Return how many transfers had passed when `frame_error` rose; None if never. It must then stay."""
    component = Transmitter(config)
    seen = []

    async def bench(ctx):
        ctx.set(component.o.ready, 1)
        ctx.set(component.i.valid, 1)
        passed = 0
        while passed < len(inputs):
            ctx.set(component.i.payload.as_value(), inputs[passed])
            seen.append((ctx.get(component.frame_error), passed))
            passed += ctx.get(component.i.ready)
            await ctx.tick()
        seen.append((ctx.get(component.frame_error), passed))

    sim = Simulator(component)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    flags = [flag for flag, _ in seen]
    assert flags == sorted(flags)
    return next((passed for flag, passed in seen if flag), None)


def test_elements_that_are_too_wide_are_rejected():
    with pytest.raises(ValueError, match="an input element must have at most 16 bits, not 17"):
        IngressConfig(target=DenseFormat.natural((1, 1, 1), FixedPoint(17, 0, True), 1))


@pytest.mark.parametrize("bits", [0, 12])
def test_a_tdata_that_is_no_bytes_is_rejected(bits):
    with pytest.raises(ValueError, match=f"tdata must have a positive multiple of 8 bits, not {bits}"):
        AxiStream(bits)
