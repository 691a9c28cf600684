"""Turn a trained network into the exact integer network that hardware computes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from compiler.errors import Problem, UnsupportedModel, raise_problems
from compiler.ir import float_ops as fl
from compiler.ir import integer_ops as it
from compiler.ir.graph import Graph, Node
from compiler.ir.intervals import accumulator_range
from compiler.ir.rewrite import read_only
from compiler.ir.values import Value
from compiler.passes.integer_weight import integer_weight
from compiler.passes.magnitudes import check_magnitude
from compiler.passes.number_formats import choose_formats
from hdl.numerics import FixedPoint, quantize, signed_bits

__all__ = ["Quantize"]

_WIDEST = 62
"""Most bits of an accumulator, and the furthest shift of a requantizer."""


@dataclass(frozen=True, eq=False)
class Quantize:
    """Replace real numbers by integers: power-of-two scales, free ones for weights that want them.

    Before: a float graph without BatchNorm in which each ReLU follows a Conv2d or a Linear layer, as
    FoldBatchNorm and HoistRelu leave it. After: an integer graph, its accumulators wide enough for any
    input. Changes results. Where weights, biases and formats were trained as they are used here, only a
    KWinners before the FakeQuantize still makes a difference: it now ranks the rounded numbers.

    - Weights get one scale a tensor, see :func:`compiler.passes.integer_weight.weight_scale`; zero stays
      zero. Accumulators carry the multiplier of a free scale, and biases are in accumulator units.
    - Each layer but the last is followed by a Requantize named `…_requantize`, unsigned if a ReLU
      follows, which it absorbs. It takes the multiplier out. Formats: see
      :func:`compiler.passes.number_formats.choose_formats`.
    - The output is the last accumulator. Where more than a Flatten follows the last layer, it is
      requantized too, and the output is the activation. `output_scale` is the scale of the output.

    Parameters
    ----------
    activation_bits : int
        Width of an activation whose format was not trained.
    weight_bits : int or None
        Width of all weights; None takes what each layer says.
    calibration : float64[batch, channels, height, width] or None
        Normalized frames that fit the formats that were not trained.
    formats : mapping of str to FixedPoint
        Formats to take where none were trained, by the name of the input or of the layer.
    """

    activation_bits: int = 8
    weight_bits: int | None = None
    calibration: np.ndarray | None = field(default=None, repr=False)
    formats: Mapping[str, FixedPoint] = field(default_factory=dict, repr=False)

    def __call__(self, graph: Graph[fl.FloatOp]) -> Graph[it.IntegerOp]:
        """Return the integer graph. Raises UnsupportedModel with everything that has no integer form."""
        _check_weights(graph)
        forms = choose_formats(graph, self.activation_bits, self.calibration, self.formats)
        values = {graph.input.name: replace(graph.input, form=forms[graph.input.name])}
        nodes: list[Node[it.IntegerOp]] = []
        problems: list[Problem] = []
        for node in graph:
            source = values.get(node.inputs[0])
            if source is None:  # what it reads was refused
                continue
            try:
                made = self._integer_nodes(node, source, forms.get(node.name))
            except UnsupportedModel as refusal:
                problems.extend(refusal.problems)
                continue
            nodes += made
            values[node.name] = made[-1].output if made else source
        raise_problems(UnsupportedModel, problems)
        layers = {node.name: node.output for node in nodes if _is_layer(node)}
        output = layers.get(graph.output, values[graph.output])
        return replace(
            graph,
            input=values[graph.input.name],
            nodes=tuple(nodes),
            output=output.name,
            output_scale=output.form.scale,
        )

    def _integer_nodes(
        self, node: Node[fl.FloatOp], source: Value, form: FixedPoint | None
    ) -> list[Node[it.IntegerOp]]:
        """Return what stands for one float node: nothing, one node, or a layer and its requantizer."""
        match node.op:
            case fl.Conv2d() | fl.Linear():
                layer = _integer_layer(node, source, self.weight_bits or node.op.weight_bits)
                return [layer] if form is None else [layer, _requantizer(layer, form)]
            case fl.MaxPool(kernel=kernel):
                return [_same_form(node, it.IntegerMaxPool(kernel), source)]
            case fl.KWinners(k=k, scope=scope):
                return [_same_form(node, it.IntegerKWinners(k, scope), source)]
            case fl.Flatten():
                return [_same_form(node, it.IntegerFlatten(), source)]
        _check_changes_nothing(node, source)
        return []


def _check_weights(graph: Graph[fl.FloatOp]) -> None:
    """Refuse weights that no number format suits, before anything is computed with them."""
    problems: list[Problem] = []
    for node in graph:
        if isinstance(node.op, fl.Conv2d | fl.Linear):
            try:
                check_magnitude(_where(node), "its largest weight", node.op.weight)
            except UnsupportedModel as refusal:
                problems.extend(refusal.problems)
    raise_problems(UnsupportedModel, problems)


def _is_layer(node: Node) -> bool:
    return isinstance(node.op, it.IntegerConv2d | it.IntegerLinear)


def _same_form(node: Node[fl.FloatOp], op: it.IntegerOp, source: Value) -> Node[it.IntegerOp]:
    return Node(op, (source.name,), replace(node.output, form=source.form))


def _integer_layer(node: Node[fl.FloatOp], source: Value, width: int) -> Node[it.IntegerOp]:
    """Quantize the weight and bias of a layer and bound its accumulator for any input of that format."""
    weight, weight_form = integer_weight(node.op, width)
    fraction_bits = source.form.fraction_bits + weight_form.fraction_bits
    exact = replace(weight_form, width=_WIDEST, fraction_bits=fraction_bits)
    bias = read_only(quantize(node.op.bias, exact))
    if isinstance(node.op, fl.Conv2d):
        op = it.IntegerConv2d(weight, bias, width, node.op.padding)
    else:
        op = it.IntegerLinear(weight, bias, width)
    needed = signed_bits(*accumulator_range(op, replace(source, at_most=None, sparse=None)))
    if needed >= _WIDEST:
        unit = f"{exact.multiplier}·" * (exact.multiplier > 1) + f"2**-{fraction_bits}"
        what = f"the bias must fit an accumulator of {_WIDEST} bits, whose unit is {unit}"
        raise UnsupportedModel(Problem(_where(node), what, "train with weights and biases of like size"))
    return Node(op, (source.name,), replace(node.output, form=replace(exact, width=needed)))


def _requantizer(layer: Node[it.IntegerOp], form: FixedPoint) -> Node[it.IntegerOp]:
    """Return the requantizer from an accumulator into an activation format."""
    source = layer.output.form
    shift = source.fraction_bits - form.fraction_bits
    grown = source.width + (source.multiplier - 1).bit_length() + max(-shift, 0)
    where = f"{layer.name} ({layer.kind})"
    if not 2 <= form.width <= 16:
        what = f"activations must have from 2 to 16 bits, not {form.width}"
        raise UnsupportedModel(Problem(where, what, "train another width"))
    if shift > _WIDEST or grown > _WIDEST:
        what = f"the scale from accumulator to activation must be at least 2**-{_WIDEST}, not 2**{-shift}"
        if grown > _WIDEST:
            what = f"the accumulator must have at most {_WIDEST} bits in the activation's unit, not {grown}"
        raise UnsupportedModel(Problem(where, what, "train with weights of moderate size"))
    op = it.Requantize(multiplier=source.multiplier << max(-shift, 0), shift=max(shift, 0))
    return Node(op, (layer.name,), Value(f"{layer.name}_requantize", layer.output.shape, form))


def _check_changes_nothing(node: Node[fl.FloatOp], source: Value) -> None:
    """Refuse a node that the integers of `source` do not already have behind them."""
    have = source.form
    match node.op:
        case fl.Relu():
            if have.signed:
                what = "must directly follow a Conv2d or Linear layer that nothing else reads"
                raise UnsupportedModel(Problem(_where(node), what, "move it there, or remove it"))
        case fl.FakeQuantize(width=width, fraction_bits=fraction_bits, signed=signed):
            want = FixedPoint(width, fraction_bits, signed)
            inside = want.minimum <= have.minimum and have.maximum <= want.maximum
            if have.fraction_bits != fraction_bits or not inside:
                what = f"must not change the number format from {have} to {want}"
                raise UnsupportedModel(Problem(_where(node), what, "quantize once between two layers"))
        case _:
            what = "has no integer form"
            raise UnsupportedModel(Problem(_where(node), what, "fold it into a neighboring layer first"))


def _where(node: Node) -> str:
    return f"{node.name} ({node.kind})"
