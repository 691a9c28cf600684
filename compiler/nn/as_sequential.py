"""A model whose forward is written by hand, as the Sequential that it amounts to."""

import torch
from torch import fx, nn

from compiler.nn.tracing import FUNCTIONS, arguments_of, trace

__all__ = ["as_sequential"]


def as_sequential(model: nn.Module) -> nn.Sequential:
    """Return the layers of a model in the order in which they compute.

    A file holds a Sequential of layers as data, but a class of one's own only as a name: train either,
    and save what this returns.

    Parameters
    ----------
    model : nn.Module
        A Sequential, nested or not, or anything whose `forward` is a chain of layers and of functions
        such as `torch.flatten`, `functional.relu` and `functional.max_pool2d`.

    Returns
    -------
    nn.Sequential
        Holds the model's own layers, not copies, and a layer for each function. Layers keep their names,
        with `_` for the dots of nested ones.

    Raises
    ------
    ValueError
        If `forward` depends on values, calls something that is no layer, or is not a chain.

    >>> list(as_sequential(nn.Sequential(nn.Sequential(nn.Linear(2, 2)), nn.ReLU()))._modules)
    ['0_0', '1']
    """
    if type(model).__module__.startswith("torch.nn.") and not isinstance(model, nn.Sequential):
        model = nn.Sequential(model)
    try:
        graph = trace(model)
    except Exception as fault:
        raise ValueError(f"the model's forward cannot be followed: {fault}") from fault
    result, last = nn.Sequential(), None
    for node in graph.nodes:
        if node.op == "placeholder" and last is None:
            last = node
            continue
        if node.all_input_nodes != [last] or not node.args or node.args[0] is not last:
            raise ValueError(f"the model's forward is not a chain of layers: see {node.name}")
        if node.op != "output":
            result.add_module(_name(node, result), _layer(node, model))
        last = node
    if hasattr(model, "input_shape"):
        result.input_shape = model.input_shape
    return result.train(model.training)


def _name(node: fx.Node, taken: nn.Sequential) -> str:
    """Return a name for a layer, unlike those before it."""
    name = str(node.target).replace(".", "_") if node.op == "call_module" else node.name
    while hasattr(taken, name):
        name += "_"
    return name


def _layer(node: fx.Node, model: nn.Module) -> nn.Module:
    if node.op == "call_module":
        return model.get_submodule(node.target)
    if node.op not in ("call_function", "call_method") or node.target not in FUNCTIONS:
        raise ValueError(f"{node.name} must be a layer, or a function that stands for one")
    kind, arguments = arguments_of(node)
    if arguments.pop("training", False):
        raise ValueError(f"{node.name} must rest in evaluation; give training=self.training")
    if isinstance(arguments.get("dtype"), torch.dtype):
        raise ValueError(f"{node.name} must not change the type of numbers")
    return getattr(nn, kind)(**arguments)
