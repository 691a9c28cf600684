"""Reads one layer record, so that every attribute and tensor is either understood or refused."""

import sys

import numpy as np

from compiler.errors import Problem
from compiler.frontend.records import LayerRecord
from compiler.frontend.remedies import clip

__all__ = ["LayerReader", "Pair"]

Pair = tuple[int, int]

_LARGEST = 1 << 20
_IGNORED_TENSORS = frozenset("num_batches_tracked duty_cycle squared_error".split())
_PLAIN = (bool, int, float, str, tuple, list, type(None))
_CHANGE = "change it"
_MISSING = object()


def _as_pair(value: object) -> Pair | None:
    """Return an integer twice, or a sequence of two; None if it is neither."""
    if type(value) is int:
        return (value, value)
    if isinstance(value, tuple | list) and len(value) == 2 and all(type(item) is int for item in value):
        return (value[0], value[1])
    return None


def _show(value: object) -> str:
    """Return a value for a message; a pair of equal numbers as one."""
    if not isinstance(value, tuple | list):
        return clip(value)
    items = [clip(item) for item in value[:4]]
    return items[0] if len(set(items)) == 1 else f"({', '.join(items)})"


class LayerReader:
    """Typed access to a layer's facts. What is wrong is collected, and reading goes on with a stand-in.

    Parameters
    ----------
    record : LayerRecord
        The layer.

    Members
    -------
    problems : list of Problem
        Everything wrong so far. An operation made from a layer with problems must not be used.
    remarks : list of str
        What the user should know about a layer that is fine.
    """

    def __init__(self, record: LayerRecord) -> None:
        self.record = record
        self.problems = list(record.problems)
        self.remarks: list[str] = []
        self._attributes = {}
        for name, value in record.attributes.items():
            if isinstance(value, _PLAIN):
                self._attributes[name] = value
            else:
                self.refuse(f"the attribute {clip(name)} is not a plain value", "remove it")
        self._tensors = {name: t for name, t in record.tensors.items() if name not in _IGNORED_TENSORS}

    def refuse(self, what: str, next_step: str) -> None:
        """Note a problem of this layer."""
        self.problems.append(Problem(self.record.where, what, next_step))

    def remark(self, text: str) -> None:
        """Note something harmless about this layer."""
        self.remarks.append(f"{self.record.where}: {text}")

    def value(self, name: str, default: object = _MISSING) -> object:
        """Take an attribute as it is; without a `default` it must be there."""
        value = self._attributes.pop(name, default)
        if value is _MISSING:
            self.refuse(f"{name} is missing", "give it")
            return None
        return value

    def peek(self, name: str) -> object:
        """Return an attribute without taking it; None if it is missing."""
        return self._attributes.get(name)

    def ignore(self, *names: str) -> None:
        """Take attributes that make no difference to what is computed in evaluation."""
        for name in names:
            self._attributes.pop(name, None)

    def require(self, name: str, wanted: object, why: str) -> None:
        """Take an attribute that may only have one value; a missing one is fine."""
        value = self._attributes.pop(name, wanted)
        if type(value) is not type(wanted) or value != wanted:
            self.refuse(f"{name} must be {wanted}, not {_show(value)}", why)

    def integer(self, name: str, low: int, high: int = _LARGEST, default: object = _MISSING) -> int:
        """Take an integer from `low` to `high`."""
        value = self.value(name, default)
        if type(value) is int and low <= value <= high:
            return value
        if value is not None:
            limits = f"at least {low}" if high == _LARGEST else f"from {low} to {high}"
            self.refuse(f"{name} must be an integer, {limits}, not {clip(value)}", _CHANGE)
        return low

    def number(self, name: str, default: object = _MISSING) -> float:
        """Take a finite real number."""
        value = self.value(name, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and abs(value) <= sys.float_info.max:  # an int may be beyond any float
            return float(value)
        if value is not None:
            self.refuse(f"{name} must be a finite number, not {clip(value)}", _CHANGE)
        return 1.0

    def flag(self, name: str, default: object = _MISSING) -> bool:
        """Take a truth value."""
        value = self.value(name, default)
        if value is not None and not isinstance(value, bool):
            self.refuse(f"{name} must be True or False, not {clip(value)}", _CHANGE)
        return value is True

    def pair(self, name: str, low: int, default: object = _MISSING) -> Pair:
        """Take an integer, or two of them (rows, columns), each at least `low`."""
        value = self.value(name, default)
        pair = _as_pair(value)
        if pair is not None and low <= min(pair) and max(pair) <= _LARGEST:
            return pair
        if value is not None:
            self.refuse(f"{name} must be one or two integers, at least {low}, not {_show(value)}", _CHANGE)
        return (low, low)

    def require_pair(self, name: str, wanted: int, why: str) -> None:
        """Take an integer or two that may only have one value; a missing one is fine."""
        value = self.value(name, wanted)
        pair = _as_pair(value)
        if pair != (wanted, wanted):
            self.refuse(f"{name} must be {wanted}, not {_show(pair or value)}", why)

    def tensor(self, name: str, dimensions: int) -> np.ndarray | None:
        """Take a tensor as a read-only float64 array; None, and a problem, if it is missing or bad."""
        if name not in self._tensors:
            pruned = f"{name}_orig" in self._tensors
            remedy = "call torch.nn.utils.prune.remove first" if pruned else "add it to the state dict"
            self.refuse(f"its {name} is missing", remedy)
        return self.optional_tensor(name, dimensions)

    def optional_tensor(self, name: str, dimensions: int) -> np.ndarray | None:
        """Take a tensor that a layer may do without."""
        tensor = self._tensors.pop(name, None)
        if tensor is None:
            return None
        if tensor.ndim != dimensions or not tensor.size:
            shape = "×".join(map(str, tensor.shape)) or "a scalar"
            self.refuse(f"its {name} must have {dimensions} dimensions, none empty, not {shape}", _CHANGE)
            return None
        array = np.array(tensor, dtype=np.float64, order="C")
        bad = array.size - np.count_nonzero(np.isfinite(array))
        if bad:
            what = f"{bad} of {array.size} values of its {name} are NaN or infinite"
            self.refuse(what, "train it again")
            return None
        array.flags.writeable = False
        return array

    def finish(self) -> None:
        """Refuse whatever was not taken."""
        if self.problems:
            return
        for name, value in self._attributes.items():
            self.refuse(f"the attribute {clip(name)}={clip(value)} is not known", "remove it")
        for name in self._tensors:
            self.refuse(f"the tensor {clip(name)} is not known", "remove it")
