from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from compiler.errors import UnsupportedModel
from compiler.execute import execute
from compiler.ir import float_ops as fl
from compiler.ir import integer_ops as it
from compiler.ir.graph import Graph, Node
from compiler.ir.shapes import output_value
from compiler.ir.verify import verify
from compiler.passes.integer_weight import integer_weight
from compiler.passes.number_formats import best_fraction_bits
from compiler.passes.quantize import Quantize
from compiler.passes.signed_digits import nearest_signed_digits
from hdl.numerics import FixedPoint
from tests.passes.floats import chain, conv, frames, linear

RNG = np.random.default_rng(1)
POOL, RELU, FLAT = fl.MaxPool((2, 2)), fl.Relu(), fl.Flatten()
INPUT = fl.FakeQuantize(4, 0, signed=True)
CONV, CONV_AGAIN = conv(RNG, 4, 2), conv(RNG, 3, 4, (1, 0, 1, 1))
LINEAR = linear(RNG, 5, 27)


def kinds(graph: Graph) -> str:
    return " ".join(node.kind.removeprefix("Integer") for node in graph)


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("fraction_bits", [-2, 0, 3, 5], ids=["coarse", "whole", "as it is", "finer"])
def test_trained_formats_make_the_integers_equal_the_floats(signed, fraction_bits):
    last = linear(RNG, 5, 3)
    last = replace(last, bias=np.floor(last.bias * 2.0**fraction_bits) / 2.0**fraction_bits)
    graph = chain(
        (2, 8, 8),
        *(INPUT, CONV, RELU, fl.FakeQuantize(6, 1, signed), POOL, fl.KWinners(2, "local")),
        *(CONV_AGAIN, POOL, fl.FakeQuantize(6, fraction_bits, signed)),
        *(fl.FakeQuantize(7, fraction_bits, signed), FLAT, fl.KWinners(1, "global"), last),
    )
    whole = Quantize()(graph)
    assert kinds(whole) == (
        "Conv2d Requantize MaxPool KWinners Conv2d Requantize MaxPool Flatten KWinners Linear"
    )
    x = frames(np.random.default_rng(2), graph)
    assert np.array_equal(execute(whole, x.astype(np.int64)) * whole.output_scale, execute(graph, x))


def test_names_formats_and_bounds_are_kept():
    graph = chain((2, 8, 8), INPUT, CONV, RELU, fl.FakeQuantize(6, 1, True), POOL, fl.KWinners(2, "local"))
    whole = Quantize()(graph)
    assert whole.input.form == FixedPoint(4, 0, signed=True)
    assert [node.name for node in whole] == ["conv2d2", "conv2d2_requantize", "maxpool5", "kwinners6"]
    assert whole.node("conv2d2_requantize").output.form == FixedPoint(5, 1, signed=False)
    assert whole.node("conv2d2").output.form.fraction_bits == 3
    assert (whole.value("kwinners6").at_most, whole.value("kwinners6").sparse) == (2, "local")
    assert whole.output == "kwinners6"
    assert whole.output_scale == 0.5


@pytest.mark.parametrize(
    ("ops", "expected", "output"),
    [
        ([CONV], "Conv2d", "conv2d1"),
        ([CONV, FLAT], "Conv2d Flatten", "flatten2"),
        ([CONV, RELU], "Conv2d Requantize", "conv2d1_requantize"),
        ([CONV, POOL], "Conv2d Requantize MaxPool", "maxpool2"),
        ([CONV, fl.FakeQuantize(5, 2, True)], "Conv2d Requantize", "conv2d1_requantize"),
        ([POOL], "MaxPool", "maxpool1"),
    ],
)
def test_the_output_is_the_last_accumulator_or_the_last_activation(ops, expected, output):
    graph = chain((2, 8, 8), *ops)
    x = frames(RNG, graph)
    whole = Quantize(calibration=x)(graph)
    assert (kinds(whole), whole.output) == (expected, output)
    scaled = execute(whole, (x / whole.input.form.scale).astype(np.int64)) * whole.output_scale
    np.testing.assert_allclose(scaled, execute(graph, x), atol=0.15)


def test_calibration_finds_formats_that_follow_the_float_network():
    rng = np.random.default_rng(5)
    first = fl.Conv2d(rng.normal(size=(4, 2, 2, 3)), rng.normal(size=4))
    last = fl.Linear(rng.normal(size=(5, 36)), rng.normal(size=5))
    graph = chain((2, 8, 8), first, RELU, POOL, FLAT, last)
    x = rng.normal(size=(30, 2, 8, 8))
    whole = Quantize(calibration=x)(graph)
    assert whole.input.form.signed and not whole.node("conv2d1_requantize").output.form.signed
    codes = np.clip(np.floor(x / whole.input.form.scale + 0.5), -128, 127).astype(np.int64)
    logits, expected = execute(whole, codes) * whole.output_scale, execute(graph, x)
    assert np.abs(logits - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("values", "width", "signed", "fraction_bits"),
    [
        ([0], 8, True, 7),
        ([0], 8, False, 8),
        ([255], 8, False, 0),
        ([254], 8, True, -1),
        ([1 / 16], 8, True, 10),
    ],
)
def test_fraction_bits_suit_the_largest_value(values, width, signed, fraction_bits):
    assert best_fraction_bits(np.array(values), width, signed) == fraction_bits


def test_a_rare_outlier_is_given_up_for_finer_steps():
    values = np.append(np.random.default_rng(0).uniform(-1, 1, 1_000_000), 2.5)
    assert best_fraction_bits(values, 4, signed=True) == 3


def test_few_digits_take_the_nearest_number_and_the_smaller_of_two():
    codes = np.arange(-127, 128)
    one = nearest_signed_digits(codes, 1, 8)
    assert set(np.abs(one)) == {0, 1, 2, 4, 8, 16, 32, 64}
    assert one[codes == 3] == 2 and one[codes == -3] == -2 and one[codes == 25] == 32
    assert np.array_equal(nearest_signed_digits(codes, 4, 8), codes)
    with pytest.raises(ValueError, match="digits must be at least 1, not 0"):
        nearest_signed_digits(codes, 0, 8)


@pytest.mark.parametrize("fraction_bits", [-9, 1, 12], ids=["coarse", "usual", "finer than accumulators"])
def test_a_free_scale_leaves_with_the_requantizer(fraction_bits):
    rng = np.random.default_rng(3)
    first = fl.Conv2d(rng.normal(size=(4, 2, 2, 3)), rng.normal(size=4), weight_bits=4, free_scale=True)
    last = fl.Linear(rng.normal(size=(5, 36)), rng.normal(size=5), weight_bits=6, free_scale=True)
    graph = chain((2, 8, 8), INPUT, first, RELU, fl.FakeQuantize(6, fraction_bits, False), POOL, FLAT, last)
    whole = Quantize()(graph)
    verify(whole)
    accumulator, scaled = whole.node("conv2d2").output.form, whole.node("conv2d2_requantize")
    assert accumulator.multiplier > 1 and scaled.output.form == FixedPoint(6, fraction_bits, signed=False)
    ratio = Fraction(scaled.op.multiplier, 1 << scaled.op.shift)
    assert ratio == Fraction(accumulator.scale) / Fraction(scaled.output.form.scale)
    assert whole.output_scale == whole.node("linear7").output.form.scale
    assert whole.node("linear7").output.form.multiplier > 1
    codes, form = integer_weight(first, 4)
    bias = whole.node("conv2d2").op.bias * accumulator.scale
    rounded = replace(first, weight=codes * form.scale, bias=bias)
    x = frames(rng, graph)
    made = execute(whole, x.astype(np.int64), keep={"conv2d2_requantize"})["conv2d2_requantize"]
    floats = execute(chain((2, 8, 8), INPUT, rounded, RELU, fl.FakeQuantize(6, fraction_bits, False)), x)
    assert np.array_equal(made * scaled.output.form.scale, floats)


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        (
            [INPUT, CONV, POOL, RELU, CONV_AGAIN],
            "relu4 (Relu): must directly follow a Conv2d or Linear layer that nothing else reads; "
            "move it there, or remove it",
        ),
        (
            [INPUT, CONV, fl.FakeQuantize(8, 2, True), POOL, fl.FakeQuantize(8, 3, True), CONV_AGAIN],
            "fakequantize5 (FakeQuantize): must not change the number format from s8.2 to s8.3; "
            "quantize once between two layers",
        ),
        (
            [INPUT, CONV, fl.FakeQuantize(2, 2, True), fl.BatchNorm(np.ones(4), np.ones(4)), CONV_AGAIN],
            "batchnorm4 (BatchNorm): has no integer form; fold it into a neighboring layer first",
        ),
        (
            [INPUT, CONV, RELU, fl.FakeQuantize(2, 2, True), CONV_AGAIN],
            "conv2d2 (IntegerConv2d): activations must have from 2 to 16 bits, not 1; train another width",
        ),
        (
            [INPUT, fl.Conv2d(np.full((1, 2, 1, 1), 1e-18), np.ones(1))],
            "conv2d2 (Conv2d): the bias must fit an accumulator of 62 bits, whose unit is 2**-66; "
            "train with weights and biases of like size",
        ),
        (
            [INPUT, fl.Conv2d(np.full((1, 2, 1, 1), 1e-19), np.zeros(1)), fl.FakeQuantize(8, 0, True)],
            "conv2d2 (IntegerConv2d): the scale from accumulator to activation must be at least 2**-62, "
            "not 2**-70; train with weights of moderate size",
        ),
        (
            [INPUT, fl.Conv2d(np.full((1, 2, 1, 1), 1e-18), np.ones(1), free_scale=True)],
            "conv2d2 (Conv2d): the bias must fit an accumulator of 62 bits, whose unit is 149·2**-74; "
            "train with weights and biases of like size",
        ),
    ],
    ids=["ReLU", "two formats", "BatchNorm", "one bit", "bias", "tiny weights", "bias in free units"],
)
def test_what_has_no_integer_form_is_refused_with_a_remedy(ops, message):
    graph = chain((2, 8, 8), *ops)
    with pytest.raises(UnsupportedModel) as refusal:
        Quantize(calibration=frames(RNG, graph))(graph)
    assert str(refusal.value) == message


def test_formats_that_nothing_defines_need_calibration():
    graph = chain((2, 8, 8), CONV, CONV_AGAIN)
    with pytest.raises(UnsupportedModel, match="^input, conv2d1: has no trained number format; give calib"):
        Quantize()(graph)
    with pytest.raises(UnsupportedModel, match="^calibration: frames must be finite; remove NaN"):
        Quantize(calibration=np.full((1, 2, 8, 8), np.nan))(graph)


def fork(graph: Graph, *ops: fl.FloatOp) -> Graph:
    """Let further operations read the second node of a chain."""
    source = graph.nodes[1].output
    more = [Node(op, (source.name,), output_value(op, source, f"fork{n}")) for n, op in enumerate(ops)]
    return replace(graph, nodes=(*graph.nodes, *more))


def test_branches_share_one_requantizer():
    graph = fork(chain((2, 8, 8), INPUT, CONV, fl.FakeQuantize(6, 1, True), CONV_AGAIN), POOL)
    whole = Quantize()(graph)
    assert kinds(whole) == "Conv2d Requantize Conv2d MaxPool"
    assert whole.node("fork0").inputs == whole.node("conv2d4").inputs == ("conv2d2_requantize",)


def test_an_output_that_is_also_read_stays_an_accumulator():
    graph = chain((2, 8, 8), INPUT, CONV, fl.FakeQuantize(6, 1, True), CONV_AGAIN)
    whole = Quantize()(replace(graph, output="conv2d2"))
    assert whole.output == "conv2d2"
    assert isinstance(whole.node(whole.output).op, it.IntegerConv2d)


def test_branches_of_two_formats_and_a_lone_relu_are_refused():
    graph = fork(chain((2, 8, 8), INPUT, CONV, fl.FakeQuantize(6, 1, True)), fl.FakeQuantize(6, 2, True))
    with pytest.raises(UnsupportedModel, match="^conv2d2: must have one number format, not s6.1 and s6.2; "):
        Quantize()(graph)
    graph = fork(chain((2, 8, 8), INPUT, CONV, fl.FakeQuantize(6, 1, True)), RELU)
    with pytest.raises(UnsupportedModel, match=r"^fork0 \(Relu\): must directly follow"):
        Quantize()(graph)
