"""Check a graph against the rules of its level, float or integer."""

from dataclasses import fields

import numpy as np

from compiler.errors import InvalidGraph, Problem, raise_problems
from compiler.ir import float_ops as fl
from compiler.ir import integer_ops as it
from compiler.ir.float_ops import FloatOp
from compiler.ir.graph import Graph, Node
from compiler.ir.intervals import accumulator_range
from compiler.ir.shapes import infer_at_most, infer_shape
from compiler.ir.values import Value

__all__ = ["payloads", "verify"]

_ACTIVATION_BITS = range(2, 17)
_WEIGHT_BITS = range(2, 17)
_BIAS_LIMIT = 1 << 61


def verify(graph: Graph) -> None:
    """Raise InvalidGraph with every breach of the rules; return None if there is none.

    The level is integer if the input has a number format, float otherwise.

    At both levels: names are unique, inputs are defined before they are used, the output exists,
    shapes follow from the operations, bounds on nonzeros are implied by them, arrays are read-only.

    Float: float operations only, no value has a format, payloads are finite float64.

    Integer: integer operations only, every value has a format. Payloads are int64; weights have from
    2 to 16 bits and lie within ±(2**(bits-1) - 1). The input, what a Requantize makes, and what a
    convolution or linear layer reads have from 2 to 16 bits and a power-of-two scale. Accumulators hold
    every partial sum, see :func:`compiler.ir.intervals.accumulator_range`. A Requantize cannot overflow 64
    bits, and its formats agree with its scale where that is their ratio up to a power of two. Other
    operations hand the format on.
    """
    problems = _name_problems(graph) + _input_problems(graph.input)
    if not problems:
        for node in graph:
            problems += _node_problems(graph, node)
    raise_problems(InvalidGraph, problems)


def payloads(op: FloatOp | it.IntegerOp) -> dict[str, np.ndarray]:
    """Return the arrays of an operation by field name."""
    values = {field.name: getattr(op, field.name) for field in fields(op)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _name_problems(graph: Graph) -> list[Problem]:
    """Check names, order and output; everything else relies on them."""
    known = {graph.input.name}
    problems = []
    for node in graph:
        if len(node.inputs) != 1:
            problems.append(_problem(node, f"must have 1 input, not {len(node.inputs)}"))
        for name in node.inputs:
            if name not in known:
                problems.append(_problem(node, f"reads {name}, which no earlier node defines"))
        if node.name in known:
            problems.append(_problem(node, "its name must be unique"))
        known.add(node.name)
    if graph.output not in known:
        problems.append(Problem(graph.name, f"the output {graph.output} must be defined"))
    return problems


def _problem(node: Node, what: str) -> Problem:
    return Problem(f"{node.name} ({node.kind})", what)


def _input_problems(value: Value) -> list[Problem]:
    problems = []
    if min(value.shape) < 1:
        problems.append(Problem(value.name, f"sizes must be at least 1, not {value.shape}"))
    if value.form is not None and value.form.width not in _ACTIVATION_BITS:
        problems.append(Problem(value.name, f"width must be from 2 to 16 bits, not {value.form.width}"))
    if value.form is not None and value.form.multiplier != 1:
        problems.append(Problem(value.name, f"its scale must be a power of two, not that of {value.form}"))
    if (value.at_most is None) != (value.sparse is None) or value.sparse not in (None, "local", "global"):
        problems.append(Problem(value.name, "at_most and sparse must be given together"))
    elif value.at_most is not None and value.at_most < 1:
        problems.append(Problem(value.name, f"at_most must be at least 1, not {value.at_most}"))
    return problems


def _node_problems(graph: Graph, node: Node) -> list[Problem]:
    """Check one node, going on only while what is left can be judged."""
    source, integer = graph.source(node), graph.input.form is not None
    level = it.IntegerOp if integer else FloatOp
    if not isinstance(node.op, level) or type(node.op) is level:
        return [_problem(node, f"must be an operation of the {'integer' if integer else 'float'} level")]
    if (node.output.form is not None) != integer:
        return [_problem(node, f"must {'' if integer else 'not '}have a number format")]
    breaches = _payload_breaches(node.op, np.int64 if integer else np.float64)
    if not breaches:
        breaches += _shape_breaches(node, source) + _bound_breaches(node, source)
    if integer and not breaches and source.form is not None:
        breaches += _form_breaches(node, source)
    return [_problem(node, breach) for breach in breaches]


def _payload_breaches(op: FloatOp | it.IntegerOp, dtype: type) -> list[str]:
    breaches = []
    dimensions = {fl.Conv2d: 4, it.IntegerConv2d: 4, fl.Linear: 2, it.IntegerLinear: 2, fl.BatchNorm: 1}
    for name, array in payloads(op).items():
        expected = 1 if name == "bias" else dimensions[type(op)]
        if array.ndim != expected or not array.size:
            breaches.append(f"{name} must have {expected} dimensions and elements, not shape {array.shape}")
        if array.dtype != dtype:
            breaches.append(f"{name} must be {np.dtype(dtype)}, not {array.dtype}")
        elif not np.isfinite(array).all():
            breaches.append(f"{name} must be finite")
        if array.flags.writeable:
            breaches.append(f"{name} must be read-only")
    if hasattr(op, "weight") and op.bias.shape != op.weight.shape[:1]:
        breaches.append(f"bias must have shape {op.weight.shape[:1]}, not {op.bias.shape}")
    if isinstance(op, fl.BatchNorm) and op.offset.shape != op.scale.shape:
        breaches.append(f"offset must have shape {op.scale.shape}, not {op.offset.shape}")
    return breaches


def _shape_breaches(node: Node, source: Value) -> list[str]:
    try:
        shape = infer_shape(node.op, source.shape)
    except ValueError as error:
        return [str(error)]
    return [] if node.output.shape == shape else [f"shape must be {shape}, not {node.output.shape}"]


def _bound_breaches(node: Node, source: Value) -> list[str]:
    """Check that the claimed bound on nonzeros follows from the operation."""
    claimed = node.output
    if claimed.at_most is None and claimed.sparse is None:
        return []
    if claimed.at_most is None or claimed.sparse not in ("local", "global"):
        return ["at_most and sparse must be given together"]
    at_most, sparse = infer_at_most(node.op, source)
    known = Value(claimed.name, claimed.shape, None, at_most, sparse)
    # Per pixel no more than its channels and the tensor's bound; per tensor the bounds of all pixels.
    local = min(claimed.shape[0], claimed.size if at_most is None else at_most)
    least = local if claimed.sparse == "local" else known.active
    return [] if claimed.at_most >= least else [f"at_most must be at least {least}, not {claimed.at_most}"]


def _form_breaches(node: Node, source: Value) -> list[str]:
    match node.op:
        case it.IntegerConv2d() | it.IntegerLinear():
            return _layer_breaches(node.op, source, node.output)
        case it.Requantize():
            return _requantize_breaches(node.op, source, node.output)
    same = node.output.form == source.form
    return [] if same else [f"number format must be {source.form}, not {node.output.form}"]


def _layer_breaches(op: it.IntegerConv2d | it.IntegerLinear, source: Value, output: Value) -> list[str]:
    if op.weight_bits not in _WEIGHT_BITS:
        return [f"weight_bits must be from 2 to 16, not {op.weight_bits}"]
    limit = (1 << (op.weight_bits - 1)) - 1
    if op.weight.min(initial=0) < -limit or op.weight.max(initial=0) > limit:
        return [f"weights must be from {-limit} to {limit}, not {op.weight.min()} to {op.weight.max()}"]
    if source.form.width not in _ACTIVATION_BITS:
        return [f"must read activations of 2 to 16 bits, not {source.form.width}"]
    if source.form.multiplier != 1:
        return [f"must read activations whose scale is a power of two, not {source.form}"]
    if min(*op.bias.tolist(), 0) < -_BIAS_LIMIT or max(*op.bias.tolist(), 0) >= _BIAS_LIMIT:
        return ["bias must have at most 62 bits"]
    form, (least, most) = output.form, accumulator_range(op, source)
    if not (form.signed and form.minimum <= least and most <= form.maximum):
        return [f"accumulator must be signed and hold {least} to {most}; {form} does not"]
    return []


def _requantize_breaches(op: it.Requantize, source: Value, output: Value) -> list[str]:
    if op.multiplier < 1 or not 0 <= op.shift <= 62:
        return [f"multiplier must be positive and shift from 0 to 62, not {op.multiplier} and {op.shift}"]
    breaches = []
    if output.form.width not in _ACTIVATION_BITS:
        breaches.append(f"activations must have from 2 to 16 bits, not {output.form.width}")
    if output.form.multiplier != 1:
        breaches.append(f"activations must have a power of two as scale, not that of {output.form}")
    largest = max(-source.form.minimum, source.form.maximum)
    if largest * op.multiplier + ((1 << op.shift) >> 1) >= 1 << 63:
        breaches.append(f"{source.form} times {op.multiplier} must not overflow 64 bits")
    ratio, rest = divmod(op.multiplier, source.form.multiplier)
    power = ratio.bit_length() - 1
    expected = source.form.fraction_bits + power - op.shift
    if not rest and ratio == 1 << power and output.form.fraction_bits != expected:
        breaches.append(f"fraction bits must be {expected}, not {output.form.fraction_bits}")
    return breaches
