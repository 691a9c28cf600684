"""What a model computes, as a graph of `torch.fx`, and the layers that its function calls stand for."""

from collections.abc import Mapping

import torch
from torch import fx, nn
from torch.nn import functional

__all__ = ["FUNCTIONS", "arguments_of", "trace"]

FUNCTIONS: dict[object, tuple[str, tuple[str, ...]]] = {
    functional.relu: ("ReLU", ("inplace",)),
    torch.relu: ("ReLU", ()),
    "relu": ("ReLU", ()),
    torch.flatten: ("Flatten", ("start_dim", "end_dim")),
    "flatten": ("Flatten", ("start_dim", "end_dim")),
    functional.max_pool2d: (
        "MaxPool2d",
        ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    ),
    functional.dropout: ("Dropout", ("p", "training", "inplace")),
    functional.dropout2d: ("Dropout2d", ("p", "training", "inplace")),
    functional.log_softmax: ("LogSoftmax", ("dim", "_stacklevel", "dtype")),
    torch.log_softmax: ("LogSoftmax", ("dim", "dtype")),
    "log_softmax": ("LogSoftmax", ("dim", "dtype")),
    functional.softmax: ("Softmax", ("dim", "_stacklevel", "dtype")),
    torch.softmax: ("Softmax", ("dim", "dtype")),
    "softmax": ("Softmax", ("dim", "dtype")),
}
"""Function or method → kind of layer, then the names of its arguments after the input."""

_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "Flatten": {"start_dim": 0},
    "Dropout": {"training": True},
    "Dropout2d": {"training": True},
}
"""Where a function's default differs from the layer's."""

_IRRELEVANT = ("inplace", "_stacklevel")


class _Tracer(fx.Tracer):
    """Keeps every layer of torch and of ours in one piece, whether it can be compiled or not."""

    def is_leaf_module(self, module: nn.Module, path: str) -> bool:
        """Say whether a module is recorded as one call."""
        if isinstance(module, nn.Sequential):
            return False
        return type(module).__module__.startswith(("torch.nn.", "compiler.nn."))


def trace(model: nn.Module) -> fx.Graph:
    """Return the calls that `model` makes in evaluation. It is not changed; whatever fx raises passes."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        return _Tracer().trace(model)
    finally:
        for part, training in modes:
            part.training = training


def arguments_of(node: fx.Node) -> tuple[str, dict[str, object]]:
    """Return the kind of layer that a call of one of `FUNCTIONS` stands for, and its arguments by name."""
    kind, names = FUNCTIONS[node.target]
    given = {**dict(zip(names, node.args[1:], strict=False)), **node.kwargs}
    arguments = {**_DEFAULTS.get(kind, {}), **given}
    return kind, {
        name: value for name, value in arguments.items() if value is not None and name not in _IRRELEVANT
    }
