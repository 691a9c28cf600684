"""Live `nn.Module` → model record.

The module is traced symbolically with `torch.fx`, so its `forward` may be written by hand, as long as it is a
chain of supported layers and functions.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import fx, nn

from compiler.frontend.allowed import layer_kind
from compiler.frontend.records import LayerRecord, ModelRecord, layer_record
from compiler.frontend.remedies import clip, refuse
from compiler.nn.tracing import FUNCTIONS, arguments_of, trace

__all__ = ["trace_module"]

_REMEDY = "use layers (nn.Module) of the supported kinds, one after the other"


def _kind(module: nn.Module) -> str | None:
    return layer_kind(type(module).__module__, type(module).__qualname__)


def trace_module(module: nn.Module) -> ModelRecord:
    """Describe a live module, as it is in evaluation. It is not changed.

    Parameters
    ----------
    module : nn.Module
        A Sequential, or anything whose `forward` is a chain of supported layers.

    Raises
    ------
    UnsupportedModel
        If it is no module, cannot be traced, or is not a chain.
    """
    if not isinstance(module, nn.Module):
        what = f"it is a {clip(type(module).__name__)}, neither a path nor an nn.Module"
        raise refuse("model", what, _REMEDY)
    name = type(module).__name__
    root = module if _kind(module) in (None, "Sequential") else nn.Sequential(module)
    graph = _trace(root, name)
    nodes = [node for node in graph.nodes if node.op not in ("placeholder", "output")]
    layers = tuple(_record(node, root) for node in nodes)
    if all(_is_known(node) for node in nodes):
        _check_chain(graph, nodes, name)
    return ModelRecord(name, layers, getattr(module, "input_shape", None))


def _trace(root: nn.Module, name: str) -> fx.Graph:
    try:
        return trace(root)
    except Exception as fault:
        reason = f"its forward cannot be traced ({clip(str(fault))})"
        raise refuse(name, reason, "write forward without conditions on values") from fault


def _is_known(node: fx.Node) -> bool:
    calls = node.op in ("call_function", "call_method")
    return node.op == "call_module" or (calls and node.target in FUNCTIONS)


def _check_chain(graph: fx.Graph, nodes: list[fx.Node], name: str) -> None:
    """Refuse anything but one call after another, from one input to one output."""
    previous = next((node for node in graph.nodes if node.op == "placeholder"), None)
    for node in [*nodes, graph.output_node()]:
        if node.all_input_nodes != [previous] or not node.args or node.args[0] is not previous:
            raise refuse(name, f"its layers are not a chain: see {node.name}", _REMEDY)
        previous = node


def _record(node: fx.Node, root: nn.Module) -> LayerRecord:
    if node.op == "call_module":
        return _module_record(str(node.target), root.get_submodule(str(node.target)))
    if not _is_known(node):
        return LayerRecord(node.name, getattr(node.target, "__name__", str(node.target)), {}, {})
    kind, arguments = arguments_of(node)
    return LayerRecord(node.name, kind, arguments, {})


def _module_record(path: str, module: nn.Module) -> LayerRecord:
    kind = _kind(module)
    if kind is None:
        return LayerRecord(path, type(module).__qualname__, {}, {})
    state = {
        **module.__dict__,
        "_parameters": _arrays(module.__dict__["_parameters"]),
        "_buffers": _arrays(module.__dict__["_buffers"]),
    }
    return layer_record(path, kind, state)


def _arrays(tensors: Mapping[str, torch.Tensor | None]) -> dict[str, np.ndarray]:
    return {
        name: tensor.detach().to("cpu", torch.float64).numpy()
        for name, tensor in tensors.items()
        if tensor is not None
    }
