"""The quantized PyTorch model that a user gets back, and against which hardware is judged."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from compiler.errors import Problem, UnsupportedModel, raise_problems
from compiler.ir import integer_ops as it
from compiler.ir.graph import Graph, Node
from compiler.ir.values import Value

__all__ = ["ExactModule", "exact_logits", "exact_module"]

_EXACT = 1 << 53
"""Integers of magnitude up to this are exact in float64."""

_FRAMES_AT_ONCE = 64


class ExactModule(nn.Module):
    """An integer network as PyTorch layers; float64 holds integers only, so nothing is ever rounded.

    Parameters
    ----------
    graph : Graph[IntegerOp]
        A verified integer graph whose numbers stay below 2**53.

    Members
    -------
    layers : one module an operation, in the order of the graph.
    output_scale : float
        Real value of one unit of the logits.
    """

    def __init__(self, graph: Graph[it.IntegerOp]) -> None:
        super().__init__()
        raise_problems(UnsupportedModel, [problem for node in graph for problem in _too_wide(graph, node)])
        self.layers = nn.ModuleList(_layer(node) for node in graph)
        self.output_scale = graph.output_scale
        self._input = graph.input.name
        self._wiring = [(node.inputs[0], node.name) for node in graph]
        self._output = graph.output

    def forward(self, x_int: torch.Tensor) -> torch.Tensor:
        """Map frames to logits.

        Parameters
        ----------
        x_int : int or float[batch, channels, height, width]
            Whole numbers within the format of the graph's input.

        Returns
        -------
        int64[batch, channels, height, width]
            As :func:`compiler.execute.execute` returns it; (batch, classes, 1, 1) behind a Linear.
        """
        values = {self._input: x_int.double()}
        for layer, (source, name) in zip(self.layers, self._wiring, strict=True):
            values[name] = layer(values[source])
        return values[self._output].long()


def exact_module(graph: Graph[it.IntegerOp]) -> ExactModule:
    """Return an integer graph as a PyTorch module in evaluation mode.

    Raises
    ------
    UnsupportedModel
        If numbers may reach 2**53, where float64 stops being exact.
    """
    return ExactModule(graph).eval()


def exact_logits(graph: Graph[it.IntegerOp], x: np.ndarray) -> np.ndarray:
    """Let PyTorch answer: int64[batch, channels, height, width] of frames int64[batch, …]."""
    module = exact_module(graph)
    with torch.no_grad():
        parts = [module(part) for part in torch.from_numpy(x).split(_FRAMES_AT_ONCE)]
    return torch.cat(parts).numpy()


class _Conv2d(nn.Module):
    def __init__(self, op: it.IntegerConv2d) -> None:
        super().__init__()
        top, bottom, left, right = op.padding
        self.padding = (left, right, top, bottom)
        self.register_buffer("weight", torch.tensor(op.weight, dtype=torch.float64))
        self.register_buffer("bias", torch.tensor(op.bias, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(functional.pad(x, self.padding), self.weight, self.bias)


class _Linear(nn.Module):
    def __init__(self, op: it.IntegerLinear) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(op.weight, dtype=torch.float64))
        self.register_buffer("bias", torch.tensor(op.bias, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x.flatten(1), self.weight, self.bias)[:, :, None, None]


class _Requantize(nn.Module):
    """`floor((x · multiplier + half) / 2**shift)`, clamped; dividing by a power of two is exact."""

    def __init__(self, op: it.Requantize, output: Value) -> None:
        super().__init__()
        self.multiplier = float(op.multiplier)
        self.divisor = 2.0**op.shift
        self.half = float((1 << op.shift) >> 1)
        self.minimum, self.maximum = float(output.form.minimum), float(output.form.maximum)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scaled = torch.floor((x * self.multiplier + self.half) / self.divisor)
        return scaled.clamp(self.minimum, self.maximum)


class _KWinners(nn.Module):
    """Keep the first k of a stable descending sort: ties go to the lowest index."""

    def __init__(self, op: it.IntegerKWinners) -> None:
        super().__init__()
        self.k = op.k
        self.scope = op.scope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        population = x if self.scope == "local" else x.flatten(1)
        order = population.sort(dim=1, descending=True, stable=True).indices[:, : self.k]
        winners = torch.zeros_like(population).scatter(1, order, population.gather(1, order))
        return winners.reshape(x.shape)


class _Flatten(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :, None, None]


def _layer(node: Node[it.IntegerOp]) -> nn.Module:
    """Return the module of one operation."""
    match node.op:
        case it.IntegerConv2d():
            return _Conv2d(node.op)
        case it.IntegerLinear():
            return _Linear(node.op)
        case it.Requantize():
            return _Requantize(node.op, node.output)
        case it.IntegerMaxPool(kernel=kernel):
            return nn.MaxPool2d(kernel)
        case it.IntegerKWinners():
            return _KWinners(node.op)
        case it.IntegerFlatten():
            return _Flatten()
    raise TypeError(f"no PyTorch module stands for {node.kind}")


def _too_wide(graph: Graph[it.IntegerOp], node: Node[it.IntegerOp]) -> list[Problem]:
    """Find the places where a float64 could be rounded."""
    form = node.output.form
    largest = max(-form.minimum, form.maximum)
    if isinstance(node.op, it.Requantize):
        source = graph.source(node).form
        reach = max(-source.minimum, source.maximum) * node.op.multiplier
        largest = max(largest, reach + ((1 << node.op.shift) >> 1))
    if largest <= _EXACT:
        return []
    what = f"its numbers reach 2**{(largest - 1).bit_length()}, but float64 is exact only up to 2**53"
    return [Problem(f"{node.name} ({node.kind})", what, "use fewer bits for weights or activations")]
