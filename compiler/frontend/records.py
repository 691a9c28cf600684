"""One description of a trained network for every way in: a list of layer records.

A pickled module, a live one and the dict form differ in where a layer's facts are; from here on they look
the same, and nothing downstream knows about files or torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.errors import Problem
from compiler.frontend.allowed import ModuleState
from compiler.frontend.remedies import clip, refuse

__all__ = ["MOST_LAYERS", "LayerRecord", "ModelRecord", "layer_record", "records_of_module"]

MOST_LAYERS = 1_000
"""Modules of one model that are looked at, containers included."""

_DEEPEST = 64
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """One layer: the path of the module, its class, its attributes, and its tensors of any real type."""

    path: str
    kind: str
    attributes: Mapping[str, object]
    tensors: Mapping[str, np.ndarray]
    problems: tuple[Problem, ...] = ()

    @property
    def where(self) -> str:
        """How messages name the layer."""
        return f"{clip(self.path)} ({clip(self.kind)})"


@dataclass(frozen=True, eq=False)
class ModelRecord:
    """A chain of layers. `input_shape` is what the model says about its input, not yet checked."""

    name: str
    layers: tuple[LayerRecord, ...]
    input_shape: object = None
    problems: tuple[Problem, ...] = ()


def _mapping(state: Mapping[object, object], name: str, where: str) -> Mapping[object, object]:
    value = state.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refuse(where, f"{name} is not a dict; the file is damaged")
    return value


def _hook_problems(state: Mapping[object, object], where: str) -> list[Problem]:
    if any(_mapping(state, hooks, where) for hooks in _HOOKS):
        return [Problem(where, "it has forward hooks, which cannot be built", "remove them before saving")]
    if "forward" in state:
        return [Problem(where, "its forward was replaced", "use the layer as torch defines it")]
    return []


def layer_record(path: str, kind: str, state: Mapping[object, object]) -> LayerRecord:
    """Sort the `__dict__` of a layer into attributes and tensors.

    Parameters
    ----------
    path : str
        Dotted path of the module in its model.
    kind : str
        Class name.
    state : mapping
        The module's `__dict__`, tensors already NumPy arrays.

    Returns
    -------
    LayerRecord
        Private attributes are left out. Hooks and children, which no layer has by itself, are problems.
    """
    where = f"{clip(path)} ({kind})"
    problems = _hook_problems(state, where)
    if _mapping(state, "_modules", where):
        problems.append(Problem(where, "it has modules inside", "use the layer as torch defines it"))
    tensors: dict[str, np.ndarray] = {}
    for group in ("_parameters", "_buffers"):
        for name, value in _mapping(state, group, where).items():
            if isinstance(value, np.ndarray):
                tensors[str(name)] = value
            elif value is not None:
                problems.append(Problem(where, f"its {clip(name)} is not a tensor", "save the model again"))
    attributes = {
        str(name): value
        for name, value in state.items()
        if not str(name).startswith("_") and name not in ("training", "forward")
    }
    return LayerRecord(path, kind, attributes, tensors, tuple(problems))


class _Walk:
    """Collects the layers of nested containers, in the order in which they compute."""

    def __init__(self, name: str) -> None:
        self.layers: list[LayerRecord] = []
        self.problems: list[Problem] = []
        self._name = name
        self._visited = 0

    def visit(self, part: object, path: str, depth: int = 0) -> None:
        """Add the layers of one module; `path` is where it is."""
        self._visited += 1
        if depth > _DEEPEST or self._visited > MOST_LAYERS:
            raise refuse(self._name, f"it has more than {MOST_LAYERS} layers, or more than {_DEEPEST} levels")
        where = clip(path) or self._name
        if not isinstance(part, ModuleState):
            raise refuse(where, "it is not a layer; the file is damaged")
        if part.kind != "Sequential":
            self.layers.append(layer_record(path, part.kind, part.state))
            return
        self.problems += _hook_problems(part.state, where)
        for key, child in _mapping(part.state, "_modules", where).items():
            self.visit(child, f"{path}.{key}" if path else str(key), depth + 1)


def records_of_module(module: ModuleState, name: str) -> ModelRecord:
    """Walk a saved module, through nested Sequentials.

    Parameters
    ----------
    module : ModuleState
        A Sequential, or a single layer.
    name : str
        Name of the model.

    Raises
    ------
    UnsupportedModel
        If containers are nested too deeply (or contain themselves), or hold something else than layers.
    """
    walk = _Walk(name)
    walk.visit(module, "" if module.kind == "Sequential" else "0")
    return ModelRecord(name, tuple(walk.layers), module.state.get("input_shape"), tuple(walk.problems))
