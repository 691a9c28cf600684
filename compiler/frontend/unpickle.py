"""A pickle reader that cannot run anything.

The instructions of a pickle are decoded with the tables of `pickletools` and replayed on a stack of inert
values: numbers, strings, lists, tuples, dicts, arrays, and the records of :mod:`compiler.frontend.allowed`.
No name is ever imported and no function of the file's choosing is ever called. Only the instructions that
`torch.save` writes are known. Python's own unpickler is not used: it allocates what a hostile file asks for.
"""

import io
import pickletools
from collections.abc import Callable as Function

from compiler.errors import UnsupportedModel
from compiler.frontend.allowed import Callable, ModuleClass, ModuleState, Unknown, resolve
from compiler.frontend.remedies import clip, refuse
from compiler.frontend.tensors import TensorReader

__all__ = ["unpickle"]

_MOST_INSTRUCTIONS = 400_000
_LONGEST_STRING = 1 << 16
_LARGEST_INTEGER = (1 << 63) - 1
_LITERALS = frozenset("BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINUNICODE".split())
_MARK = object()


class _Malformed(Exception):
    """The pickle does something that `torch.save` never writes."""


class _Machine:
    """The stack, the memo, and one method for each group of instructions."""

    def __init__(self, tensors: TensorReader) -> None:
        self.unknown: dict[str, None] = {}
        self._tensors = tensors
        self._stack: list[object] = []
        self._memo: dict[int, object] = {}
        self._actions: dict[str, Function[[object], None]] = {
            "PROTO": lambda _: None,
            "FRAME": lambda _: None,
            "MARK": lambda _: self._push(_MARK),
            "NONE": lambda _: self._push(None),
            "NEWTRUE": lambda _: self._push(True),
            "NEWFALSE": lambda _: self._push(False),
            "EMPTY_DICT": lambda _: self._push({}),
            "EMPTY_LIST": lambda _: self._push([]),
            "EMPTY_SET": lambda _: self._push([]),
            "EMPTY_TUPLE": lambda _: self._push(()),
            "TUPLE": lambda _: self._push(tuple(self._pop_marked())),
            "TUPLE1": lambda _: self._push(tuple(self._pop_many(1))),
            "TUPLE2": lambda _: self._push(tuple(self._pop_many(2))),
            "TUPLE3": lambda _: self._push(tuple(self._pop_many(3))),
            "APPEND": lambda _: self._extend(self._pop_many(1)),
            "APPENDS": lambda _: self._extend(self._pop_marked()),
            "ADDITEMS": lambda _: self._extend(self._pop_marked()),
            "SETITEM": lambda _: self._set_items(self._pop_many(2)),
            "SETITEMS": lambda _: self._set_items(self._pop_marked()),
            "BINPUT": self._remember,
            "LONG_BINPUT": self._remember,
            "MEMOIZE": lambda _: self._remember(len(self._memo)),
            "BINGET": self._recall,
            "LONG_BINGET": self._recall,
            "GLOBAL": lambda names: self._name(*names),
            "STACK_GLOBAL": lambda _: self._name(*self._pop_many(2)),
            "BINPERSID": lambda _: self._push(tensors.reference(self._pop())),
            "REDUCE": lambda _: self._call(*self._pop_many(2)),
            "NEWOBJ": lambda _: self._create(*self._pop_many(2)),
            "BUILD": lambda _: self._build(self._pop()),
        }

    def run(self, content: bytes) -> object:
        """Replay instructions up to STOP; return what is left on the stack."""
        stream = io.BytesIO(content)
        for _ in range(_MOST_INSTRUCTIONS):
            instruction = pickletools.code2op.get(stream.read(1).decode("latin-1"))
            if instruction is None:
                raise _Malformed("holds something that is no instruction, or ends too early")
            if instruction.name == "STOP":
                return self._pop()
            if instruction.name not in _LITERALS and instruction.name not in self._actions:
                raise _Malformed(f"uses the pickle instruction {instruction.name}")
            argument = _argument(instruction, stream)
            if instruction.name in _LITERALS:
                self._push(_bounded(argument))
            else:
                self._actions[instruction.name](argument)
        raise _Malformed(f"has more than {_MOST_INSTRUCTIONS} instructions")

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> object:
        return self._pop_many(1)[0]

    def _pop_many(self, count: int) -> list[object]:
        values = self._stack[-count:]
        if len(values) < count or any(value is _MARK for value in values):
            raise _Malformed("takes more from its stack than there is")
        del self._stack[-count:]
        return values

    def _pop_marked(self) -> list[object]:
        for depth in range(len(self._stack) - 1, -1, -1):
            if self._stack[depth] is _MARK:
                values = self._stack[depth + 1 :]
                del self._stack[depth:]
                return values
        raise _Malformed("takes more from its stack than there is")

    def _top(self, kind: type) -> object:
        if self._stack and isinstance(self._stack[-1], kind):
            return self._stack[-1]
        raise _Malformed(f"changes something that is not a {kind.__name__}")

    def _remember(self, index: object) -> None:
        if not self._stack or self._stack[-1] is _MARK:
            raise _Malformed("remembers an empty stack")
        self._memo[index] = self._stack[-1]

    def _recall(self, index: object) -> None:
        if index not in self._memo:
            raise _Malformed("recalls what it never remembered")
        self._push(self._memo[index])

    def _extend(self, values: list[object]) -> None:
        if not self._is_ignored():
            self._top(list).extend(values)

    def _set_items(self, values: list[object]) -> None:
        if len(values) % 2:
            raise _Malformed("sets a key without a value")
        if self._is_ignored():
            return
        target = self._top(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str | int):
                raise _Malformed("uses a key that is neither text nor a number")
            target[key] = value

    def _is_ignored(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1], Unknown)

    def _name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise _Malformed("names something that is not text")
        thing = resolve(module, name)
        if isinstance(thing, Unknown):
            self.unknown[thing.name] = None
        self._push(thing)

    def _create(self, kind: object, arguments: object) -> None:
        match kind:
            case Unknown():
                self._push(kind)
            case ModuleClass() if isinstance(arguments, tuple) and not arguments:
                self._push(ModuleState(kind.kind))
            case _:
                raise _Malformed("creates something that is not a layer")

    def _call(self, function: object, arguments: object) -> None:
        match function, arguments:
            case Unknown(), _:
                self._push(function)
            case Callable(builds="dict"), ():
                self._push({})
            case (Callable(builds="list"), (list(items),)) | (Callable(builds="tuple"), (tuple(items),)):
                self._push(items)
            case Callable(builds="nothing"), tuple():
                self._push(None)
            case Callable(builds="tensor"), tuple():
                self._push(self._tensors.rebuild(arguments))
            case Callable(builds="parameter"), (tensor, *_):
                self._push(tensor)
            case _:
                raise _Malformed("calls something in a way that torch.save never does")

    def _build(self, state: object) -> None:
        match self._stack[-1] if self._stack else None:
            case ModuleState() as module if isinstance(state, dict):
                module.state = state
            case Unknown() | dict():
                pass
            case _:
                raise _Malformed("sets the state of something that is not a layer")


def _argument(instruction: pickletools.OpcodeInfo, stream: io.BytesIO) -> object:
    """Decode what follows an instruction; of GLOBAL the two names, without the escapes that nobody writes."""
    if instruction.name == "GLOBAL":
        return [stream.readline().removesuffix(b"\n").decode() for _ in range(2)]
    return instruction.arg.reader(stream) if instruction.arg else None


def _bounded(value: object) -> object:
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise _Malformed("holds an integer of more than 64 bits")
    if isinstance(value, str) and len(value) > _LONGEST_STRING:
        raise _Malformed(f"holds text of more than {_LONGEST_STRING} characters")
    return value


def _refuse_unknown(where: str, names: list[str]) -> UnsupportedModel:
    listed = ", ".join(clip(name) for name in names[:20]) + (", …" if len(names) > 20 else "")
    return refuse(
        where,
        f"it holds {listed}: not layers that are supported (nothing was run)",
    )


def unpickle(content: bytes, tensors: TensorReader, where: str) -> object:
    """Rebuild the structure that `torch.save` pickled, out of inert values.

    Parameters
    ----------
    content : bytes
        The pickle.
    tensors : TensorReader
        Makes arrays of what the pickle says about tensors.
    where : str
        Name of the file, for messages.

    Returns
    -------
    object
        A `ModuleState`, or lists, dicts and arrays. Shared and even cyclic references are possible.

    Raises
    ------
    UnsupportedModel
        If it names any class or function that is not allowed (all of them are listed), or is malformed.
    """
    machine = _Machine(tensors)
    try:
        structure = machine.run(content)
    except (_Malformed, UnsupportedModel, ValueError, OverflowError, MemoryError) as fault:
        if machine.unknown:
            raise _refuse_unknown(where, list(machine.unknown)) from fault
        if isinstance(fault, UnsupportedModel):
            raise
        said = str(fault) if isinstance(fault, _Malformed) else f"is damaged ({clip(str(fault))})"
        raise refuse(where, f"its pickle {said}") from fault
    if machine.unknown:
        raise _refuse_unknown(where, list(machine.unknown))
    return structure
