"""The convolution as wires equals a plain one, exactly when predicted, under every stall."""

import numpy as np
import pytest

from hdl.conv.side_by_side import side_by_side
from hdl.conv.sparse_dense import SparseDenseConvConfig
from hdl.conv.window import WindowConfig, windows
from hdl.conv.wires import WiresConv, WiresConvConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from tests.hdl.bench import STALLS, run_stream

# channels, filters, taps, density, signed, bias, adders per stage, unused lanes
CASES = [
    (1, 8, 9, 0.5, True, True, 2, 0),
    (3, 5, 4, 0.4, False, True, 1, 1),
    (2, 6, 3, 1.0, True, False, 3, 2),
    (1, 3, 4, 0.5, False, False, 2, 0),
    (2, 4, 1, 0.0, True, True, 2, 0),
    (1, 1, 1, 1.0, True, False, 2, 0),
]
WINDOWS = 7


def _case(channels, filters, taps, density, is_signed, bias, adders_per_stage, unused):
    rng = np.random.default_rng(filters * taps)
    form = FixedPoint(8, 0, is_signed)
    weight = rng.integers(-127, 128, (filters, channels, taps))
    weight *= rng.random(weight.shape) < density
    bias = rng.integers(-1000, 1000, filters) * bias
    orders = [tuple(rng.permutation([*range(n), *[-1] * unused]).tolist()) for n in (channels, filters)]
    source = DenseFormat((channels, 1, WINDOWS), form, channels + unused, orders[0])
    target = DenseFormat((filters, 1, WINDOWS), FixedPoint(24, 0, True), filters + unused, orders[1])
    config = WiresConvConfig(
        source=source, target=target, weight=weight, bias=bias, adders_per_stage=adders_per_stage
    )
    x = rng.integers(form.minimum, form.maximum + 1, (taps, channels, 1, 3 * WINDOWS))
    x[..., 0], x[..., 1] = form.minimum, form.maximum
    beats = []
    for frame in np.split(x, 3, axis=3):
        pixels = np.array([source.encode(tap) for tap in frame], dtype=object)
        beats += [sum(int(p) << (source.payload.size * tap) for tap, p in enumerate(c)) for c in pixels.T]
    sums = np.einsum("tcw,fct->fw", x[:, :, 0], weight) + bias[:, None]
    return config, beats, np.split(sums[:, None, :], 3, axis=2)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_equal_the_plain_convolution(case, stall):
    config, beats, expected = _case(*case)
    run = run_stream(WiresConv(config), beats, len(beats), stall=stall, budget=40 * len(beats))
    frames = [run.beats[n : n + WINDOWS] for n in range(0, len(beats), WINDOWS)]
    for frame, sums in zip(frames, expected, strict=True):
        assert (config.target.decode(frame) == sums).all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_windows_and_sums_pass_when_predicted(case):
    config, beats, _ = _case(*case)
    run = run_stream(WiresConv(config), beats, len(beats), budget=len(beats) + config.latency + 2)
    predicted = config.timing(np.zeros(len(beats), dtype=int))
    assert run.accepted.tolist() == predicted.accepted.tolist()
    assert run.offered.tolist() == predicted.offered.tolist()


def test_a_window_a_cycle_takes_no_multiplier():
    config, *_ = _case(*CASES[0])
    assert (config.multipliers, config.cycles_per_window, config.cycles_per_frame) == (0, 1, WINDOWS)
    assert config.constant_time


@pytest.mark.parametrize("stall", ["none", "both"])
def test_adjacent_positions_share_a_window(stall):
    channels, filters, kernel, columns, width = 2, 3, (2, 3), 2, 6
    rng = np.random.default_rng(5)
    form = FixedPoint(6, 0, True)
    weight = rng.integers(-31, 32, (filters, channels, *kernel)) * (rng.random((1, 1, *kernel)) < 0.8)
    bias = rng.integers(-100, 100, filters)
    source = DenseFormat((channels, 1, width), form, channels, (1, 0))
    target = DenseFormat((filters, 1, width), FixedPoint(20, 0, True), 4, (2, 0, -1, 1), columns)
    config = WiresConvConfig(
        source=source, target=target, weight=side_by_side(weight, columns), bias=np.tile(bias, columns)
    )
    image = rng.integers(form.minimum, form.maximum + 1, (channels, kernel[0], width + kernel[1] - 1))
    geometry = WindowConfig(
        bits=source.payload.size, height=kernel[0], width=image.shape[2], kernel=kernel,
        pixels_per_beat=columns, windows_per_beat=columns,
    )  # fmt: skip
    pixels = np.array(DenseFormat(image.shape, form, channels, source.order).encode(image), dtype=np.int64)
    beats = [
        sum(int(pixel) << (source.payload.size * tap) for tap, pixel in enumerate(window))
        for window in windows(pixels.reshape(image.shape[1:]), geometry)
    ]
    run = run_stream(WiresConv(config), beats, len(beats), stall=stall)
    cut = np.lib.stride_tricks.sliding_window_view(image, kernel, axis=(1, 2))[:, 0]
    sums = np.einsum("cwyx,fcyx->fw", cut, weight) + bias[:, None]
    assert config.cycles_per_frame == len(beats) == width // columns
    assert (target.decode(run.beats)[:, 0] == sums).all()


def test_wires_stand_in_for_an_array_with_one_step_a_window():
    config, *_ = _case(*CASES[0])
    array = SparseDenseConvConfig(
        source=config.source, target=config.target, weight=config.weight, bias=config.bias
    )
    arrivals = np.array([0, 1, 2, 9])
    assert config.timing(arrivals).accepted.tolist() == array.timing(arrivals).accepted.tolist()
    assert config.taps == array.taps


@pytest.mark.parametrize("name", ["source", "target"])
def test_a_pixel_of_several_beats_is_refused(name):
    config, *_ = _case(*CASES[1])
    parts = {"source": config.source, "target": config.target}
    parts[name] = DenseFormat.natural(parts[name].shape, parts[name].form, 1)
    with pytest.raises(ValueError, match=f"{name} must have one beat a pixel, not {parts[name].groups}"):
        WiresConvConfig(**parts, weight=config.weight, bias=config.bias)


def test_weights_of_another_number_of_sums_are_refused():
    config, *_ = _case(*CASES[0])
    target = DenseFormat.natural((8, 1, 6), config.target.form, 8, 2)
    with pytest.raises(ValueError, match="weight and bias must be those of 16 sums, not of 8"):
        WiresConvConfig(source=config.source, target=target, weight=config.weight, bias=config.bias)


def test_stages_without_an_adder_are_refused():
    config, *_ = _case(*CASES[0])
    with pytest.raises(ValueError, match="adders_per_stage must be a positive integer, not 0"):
        WiresConvConfig(
            source=config.source,
            target=config.target,
            weight=config.weight,
            bias=config.bias,
            adders_per_stage=0,
        )
