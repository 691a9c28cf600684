"""Checkpoint file → model record. Runs nothing, imports nothing that the file names, needs no torch."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compiler.errors import Problem
from compiler.frontend.allowed import ModuleState
from compiler.frontend.archive import read_archive
from compiler.frontend.records import MOST_LAYERS, LayerRecord, ModelRecord, records_of_module
from compiler.frontend.remedies import clip, refuse
from compiler.frontend.tensors import TensorReader
from compiler.frontend.unpickle import unpickle

__all__ = ["read_checkpoint"]

_FORM_KEYS = ("architecture", "state_dict", "input_shape", "name")


def read_checkpoint(path: Path) -> ModelRecord:
    """Read a `.pt` file: a saved module, or a dict of an architecture and a state dict.

    Parameters
    ----------
    path : Path
        A file that `torch.save` wrote.

    Raises
    ------
    UnsupportedModel
        If it is anything else. Nothing in it is executed in any case.
    """
    archive = read_archive(path)
    structure = unpickle(archive.pickle, TensorReader(archive), archive.where)
    if isinstance(structure, ModuleState):
        return records_of_module(structure, path.stem)
    if not isinstance(structure, Mapping):
        raise refuse(archive.where, "it holds neither a module nor a dict")
    if "architecture" in structure and "state_dict" in structure:
        return _Form(structure, archive.where).model(path.stem)
    if structure and all(isinstance(value, np.ndarray) for value in structure.values()):
        raise refuse(archive.where, "it is a bare state dict, which does not name its layers")
    keys = ", ".join(clip(key) for key in list(structure)[:8])
    raise refuse(archive.where, f"it is a dict of {keys or 'nothing'}, not of architecture and state_dict")


class _Form:
    """The dict form: `{"architecture": [...], "state_dict": {...}, "input_shape": (C, H, W)}`."""

    def __init__(self, form: Mapping[object, object], where: str) -> None:
        self._form = form
        self._where = where
        self._problems = [
            Problem(where, f"the key {clip(key)!r} is not known", "remove it")
            for key in form
            if key not in _FORM_KEYS
        ]
        self._tensors = self._group_tensors(form["state_dict"])

    def model(self, stem: str) -> ModelRecord:
        """Return the record; a model without a name of its own is called `stem`."""
        architecture, name = self._form["architecture"], self._form.get("name")
        if not isinstance(architecture, list | tuple) or len(architecture) > MOST_LAYERS:
            raise refuse(self._where, f"its architecture is not a list of at most {MOST_LAYERS} layers")
        layers = tuple(self._layer(entry, index) for index, entry in enumerate(architecture))
        for path, count in Counter(layer.path for layer in layers).items():
            if count > 1:
                self._refuse(f"{count} layers of its architecture are named {clip(path)!r}", "rename them")
        for path in self._tensors.keys() - {layer.path for layer in layers}:
            self._refuse(f"no layer is named {clip(path)!r}, but it has tensors", "name it")
        name = name if isinstance(name, str) else stem
        problems = tuple(sorted(self._problems, key=str))
        return ModelRecord(name, layers, self._form.get("input_shape"), problems)

    def _refuse(self, what: str, next_step: str) -> None:
        self._problems.append(Problem(self._where, what, next_step))

    def _group_tensors(self, tensors: object) -> dict[str, dict[str, np.ndarray]]:
        """Sort a state dict by layer."""
        groups: dict[str, dict[str, np.ndarray]] = {}
        if not isinstance(tensors, Mapping):
            raise refuse(self._where, "its state_dict is not a dict of tensors")
        for name, tensor in tensors.items():
            if not isinstance(name, str) or not isinstance(tensor, np.ndarray):
                raise refuse(self._where, f"{clip(name)!r} in its state_dict is not a tensor")
            path, _, own_name = name.rpartition(".")
            groups.setdefault(path, {})[own_name] = tensor
        return groups

    def _layer(self, entry: object, index: int) -> LayerRecord:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("kind"), str):
            raise refuse(self._where, f"layer {index} of its architecture is not a dict with a kind")
        path = entry.get("name", str(index))
        if not isinstance(path, str):
            raise refuse(self._where, f"the name of layer {index} of its architecture is not text")
        attributes = {str(key): value for key, value in entry.items() if key not in ("kind", "name")}
        return LayerRecord(path, entry["kind"], attributes, self._tensors.get(path, {}))
