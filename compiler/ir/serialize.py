"""An integer graph as one `.npz` file, and back; the file is not trusted."""

import io
import json
import math
import re
import zipfile
import zlib
from dataclasses import fields
from pathlib import Path

import numpy as np

from compiler.errors import InvalidGraph, Problem, ToolFailed
from compiler.ir import integer_ops as it
from compiler.ir.float_ops import Normalize
from compiler.ir.graph import Graph, Node
from compiler.ir.rewrite import read_only
from compiler.ir.structure import Broken, Record, read_value, write_value
from compiler.ir.verify import payloads, verify

__all__ = ["load", "save"]

_FORMAT = "zeroskip integer graph 1"
_STRUCTURE = "graph.json"
_LARGEST_FILE = 1 << 30
"""Bytes that a file may unfold to."""
_READ_ERRORS = (
    *(Broken, OSError, EOFError, KeyError, ValueError, OverflowError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What reading a damaged zip, JSON or array can raise."""
_NPY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype>\|i1|<i2|<i4|<i8)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(\d{1,9}, ?)*(\d{1,9})?)\), \} *\n",
    re.DOTALL,
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of every entry, so that the same graph makes the same bytes."""
_OPS = {
    op.__name__: op
    for op in (
        it.IntegerConv2d,
        it.IntegerFlatten,
        it.IntegerKWinners,
        it.IntegerLinear,
        it.IntegerMaxPool,
        it.Requantize,
    )
}


def save(graph: Graph[it.IntegerOp], path: Path | str) -> None:
    """Write an integer graph; the same graph gives the same bytes.

    The file is a zip of `graph.json`, the structure, and one `.npy` an array, in the narrowest type.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:

        def write(name: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)

        write(_STRUCTURE, json.dumps(_structure(graph), indent=1, ensure_ascii=False).encode())
        for number, node in enumerate(graph):
            for field, array in payloads(node.op).items():
                write(f"{number}.{field}.npy", _npy(array))


def load(path: Path | str) -> Graph[it.IntegerOp]:
    """Read an integer graph and verify it.

    Nothing in the file is trusted: operations, fields, types and sizes are allow-listed, nothing is
    unpickled, and memory is bounded.

    Raises
    ------
    ToolFailed
        If the file cannot be read, is not such a graph, or breaks its rules.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_FILE:
                raise Broken(f"it must unfold to at most {_LARGEST_FILE} bytes")
            graph = _graph(archive)
        verify(graph)
    except InvalidGraph as error:
        raise ToolFailed(*(_damaged(path, str(problem)) for problem in error.problems)) from error
    except _READ_ERRORS as error:
        raise ToolFailed(_damaged(path, str(error))) from error
    return graph


def _damaged(path: Path | str, what: str) -> Problem:
    return Problem(str(path), f"not a valid integer graph: {what}", "build it again")


def _structure(graph: Graph[it.IntegerOp]) -> dict:
    nodes = []
    for node in graph:
        arrays = payloads(node.op)
        scalars = {f.name: getattr(node.op, f.name) for f in fields(node.op) if f.name not in arrays}
        nodes.append(
            {"op": node.kind, **scalars, "inputs": list(node.inputs), "output": write_value(node.output)}
        )
    norm = graph.normalize
    return {
        "format": _FORMAT,
        "name": graph.name,
        "input": write_value(graph.input),
        "nodes": nodes,
        "output": graph.output,
        "normalize": None if norm is None else {"mean": norm.mean, "std": norm.std},
        "output_scale": graph.output_scale,
        "notes": list(graph.notes),
    }


def _graph(archive: zipfile.ZipFile) -> Graph[it.IntegerOp]:
    top = Record(json.loads(archive.read(_STRUCTURE)), "graph")
    if top.text("format") != _FORMAT:
        raise Broken(f"format must be {_FORMAT!r}")
    normalize = None
    if top.present("normalize"):
        given = top.record("normalize")
        normalize = Normalize(given.number("mean"), given.number("std"))
    return Graph(
        name=top.text("name"),
        input=read_value(top.record("input")),
        nodes=tuple(_node(node, number, archive) for number, node in enumerate(top.records("nodes"))),
        output=top.text("output"),
        normalize=normalize,
        output_scale=top.number("output_scale"),
        notes=top.texts("notes"),
    )


def _node(record: Record, number: int, archive: zipfile.ZipFile) -> Node[it.IntegerOp]:
    kind = record.text("op")
    if kind not in _OPS:
        raise Broken(f"operation must be one of {', '.join(_OPS)}, not {kind!r}")
    readers = {
        "weight": lambda name: _array(archive.read(f"{number}.{name}.npy")),
        "bias": lambda name: _array(archive.read(f"{number}.{name}.npy")),
        "padding": lambda name: record.integers(name, 4),
        "kernel": lambda name: record.integers(name, 2),
        "scope": record.text,
    }
    names = [field.name for field in fields(_OPS[kind])]
    op = _OPS[kind](**{name: readers.get(name, record.integer)(name) for name in names})
    return Node(op, record.texts("inputs"), read_value(record.record("output")))


def _npy(array: np.ndarray) -> bytes:
    """Return an int64 array as a `.npy` file of the narrowest type that holds it."""
    least, most = int(array.min(initial=0)), int(array.max(initial=0))
    limits = {name: np.iinfo(name) for name in ("<i1", "<i2", "<i4", "<i8")}
    narrow = next(name for name, limit in limits.items() if limit.min <= least and most <= limit.max)
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array, narrow), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _array(content: bytes) -> np.ndarray:
    """Return the int64 array of a `.npy` file; the header may not promise more than follows."""
    header = _NPY_HEADER.match(content)
    if header is None:
        raise Broken("arrays must be .npy files of little-endian integers in C order")
    dtype = np.dtype(header["dtype"].decode())
    shape = tuple(int(size) for size in header["shape"].replace(b",", b" ").split())
    rest = content[header.end() :]
    if math.prod(shape) * dtype.itemsize != len(rest):
        raise Broken(f"array of shape {shape} and type {dtype} must not have {len(rest)} bytes")
    return read_only(np.frombuffer(rest, dtype).astype(np.int64).reshape(shape))
