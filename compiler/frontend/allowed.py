"""Every name that a checkpoint may mention, and the inert thing each stands for."""

import re
from dataclasses import dataclass, field

__all__ = ["Callable", "ModuleClass", "ModuleState", "StorageType", "Unknown", "layer_kind", "resolve"]

_LAYER_NAME = re.compile("[A-Z][A-Za-z0-9]{0,63}")
_OWN_KINDS = frozenset("FakeQuantize KWinners KWinners2d Normalize QuantizedConv2d QuantizedLinear".split())

_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}

_CALLABLES = {
    ("collections", "OrderedDict"): "dict",
    ("__builtin__", "set"): "list",
    ("builtins", "set"): "list",
    ("torch", "Size"): "tuple",
    ("torch", "device"): "nothing",
    ("torch._utils", "_rebuild_tensor_v2"): "tensor",
    ("torch._utils", "_rebuild_parameter"): "parameter",
}


@dataclass(frozen=True)
class ModuleClass:
    """A layer class that is allowed; creating one gives a `ModuleState`."""

    kind: str


@dataclass(frozen=True)
class StorageType:
    """The element type of a storage, as NumPy spells it (or "bfloat16")."""

    dtype: str


@dataclass(frozen=True)
class Callable:
    """One of the few functions whose calls are understood; `builds` says what a call gives."""

    builds: str


@dataclass(frozen=True)
class Unknown:
    """Any other name. It stays a name: nothing is imported, nothing is called."""

    name: str


@dataclass(eq=False)
class ModuleState:
    """A layer as it was saved: the name of its class and the content of its `__dict__`."""

    kind: str
    state: dict[object, object] = field(default_factory=dict)


def layer_kind(module: str, name: str) -> str | None:
    """Return the kind of layer that a class is, or None if it is no layer.

    Layers of PyTorch that cannot be compiled have a kind, too: their records are as inert as any, and the
    importer can then say which they are, beside everything else that is wrong.

    >>> layer_kind("torch.nn.modules.conv", "Conv2d"), layer_kind("posix", "system")
    ('Conv2d', None)
    """
    if (module == "torch.nn" or module.startswith("torch.nn.modules.")) and _LAYER_NAME.fullmatch(name):
        return name
    if name in _OWN_KINDS and (module == "compiler.nn" or module.startswith("compiler.nn.")):
        return name
    return None


def resolve(module: str, name: str) -> ModuleClass | StorageType | Callable | Unknown:
    """Return the inert thing that a name in a pickle stands for. Imports nothing."""
    kind = layer_kind(module, name)
    if kind is not None:
        return ModuleClass(kind)
    if module == "torch" and name in _STORAGES:
        return StorageType(_STORAGES[name])
    if (module, name) in _CALLABLES:
        return Callable(_CALLABLES[module, name])
    return Unknown(f"{module}.{name}")
