import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import ToolFailed
from compiler.execute import execute
from compiler.ir.float_ops import Normalize
from compiler.ir.serialize import load, save
from compiler.ir.text import to_text
from tests.execute.graphs import random_frames, random_graph


def times_3(graph):
    """Return the graph with a free scale in its last layer."""
    *nodes, last = graph.nodes
    form = replace(last.output.form, multiplier=3)
    return replace(graph, nodes=(*nodes, replace(last, output=replace(last.output, form=form))))


@pytest.mark.parametrize("change", [lambda graph: graph, times_3], ids=["powers of two", "a free scale"])
@pytest.mark.parametrize("seed", range(4))
def test_a_graph_comes_back_as_it_was(tmp_path, seed, change):
    graph = change(random_graph(seed))
    graph = replace(graph, normalize=Normalize(128, 0.1), notes=("softmax dropped, “so”",))
    save(graph, tmp_path / "graph.npz")
    loaded = load(tmp_path / "graph.npz")
    assert to_text(loaded) == to_text(graph).replace("mean=128 ", "mean=128.0 ")
    assert not any(node.op.weight.flags.writeable for node in loaded if hasattr(node.op, "weight"))
    frames = random_frames(graph, 3)
    assert np.array_equal(execute(loaded, frames), execute(graph, frames))


def test_the_same_graph_makes_the_same_bytes_and_numpy_reads_them(tmp_path):
    for name in ("a.npz", "b.npz"):
        save(random_graph(1), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["0.weight"], random_graph(1).nodes[0].op.weight)


def damage(path, structure=None, arrays=None):
    """Rewrite the file of a graph with changes to its structure or its arrays."""
    save(random_graph(1), path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    content = json.loads(entries["graph.json"])
    if structure is not None:
        structure(content)
    entries |= {"graph.json": json.dumps(content).encode(), **(arrays or {})}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.update(format="other"), "format must be 'zeroskip integer graph 1'"),
        (lambda g: g.pop("nodes"), "nodes of graph must be list, not NoneType"),
        (lambda g: g["nodes"][0].update(op="Conv2d"), "operation must be one of .*, not 'Conv2d'"),
        (lambda g: g["nodes"][0].update(weight_bits=True), r"weight_bits of nodes\[0\] must be int, n"),
        (lambda g: g["nodes"][0].update(padding=[0, 0, 0, -1]), "padding of .* must be 4 integers, none neg"),
        (lambda g: g["nodes"].append(7), r"nodes\[\d+\] must be an object"),
        (lambda g: g["input"]["form"].update(width=99), "width must be from 1 to 62, not 99"),
        (lambda g: g["input"].update(shape=[1 << 20] * 3), "a value must have at most 67108864 elements"),
        (lambda g: g["input"]["form"].update(fraction_bits=1 << 40), "fraction_bits must be from -1000 to"),
        (lambda g: g["input"]["form"].update(multiplier=2.5), "multiplier of form must be int, not float"),
        (lambda g: g["input"]["form"].update(multiplier=1 << 80), "multiplier must be odd and from 1 to 65"),
        (lambda g: g["input"]["form"].update(multiplier=-3), "multiplier must be odd and from 1 to 6553"),
        (lambda g: g["input"]["form"].update(multiplier=6), "multiplier must be odd and from 1 to 65535"),
        (lambda g: g["input"]["form"].update(multiplier=7), "its scale must be a power of two, not that of"),
        (lambda g: g.update(output_scale=float("nan")), "output_scale of graph must be finite"),
        (lambda g: g.update(output_scale=10**400), "too large to convert to float"),
        (lambda g: g.update(notes=[1]), "notes of graph must hold only str"),
        (lambda g: g.update(output="nothing"), "the output nothing must be defined"),
        (lambda g: g["nodes"][0].update(weight_bits=3), "weights must be from -3 to 3"),
        (lambda g: g["nodes"][0]["output"]["form"].update(width=3), "accumulator must be signed and hold"),
    ],
)
def test_a_damaged_structure_is_refused(tmp_path, change, message):
    path = tmp_path / "graph.npz"
    damage(path, change)
    with pytest.raises(ToolFailed, match=f"not a valid integer graph: .*{message}.*; build it again"):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.zeros((2, 2))), "arrays must be .npy files of little-endian integers in C order"),
        (npy(np.array([{}], dtype=object)), "arrays must be .npy files of"),
        (npy(np.zeros((3, 3), np.int8)).replace(b"(3, 3)", b"(9, 9)"), "must not have 9 bytes"),
        (npy(np.zeros((3, 3), np.int8)).replace(b"(3, 3)", b"(-3,-3"), "arrays must be .npy files of"),
        (npy(np.zeros(3, np.int8)), r"weight must have 4 dimensions and elements, not shape \(3,\)"),
        (npy(np.zeros((0, 1, 1, 1), np.int8)), "weight must have 4 dimensions and elements"),
        (b"no array", "arrays must be .npy files of"),
    ],
)
def test_a_damaged_array_is_refused(tmp_path, content, message):
    path = tmp_path / "graph.npz"
    damage(path, arrays={"0.weight.npy": content})
    with pytest.raises(ToolFailed, match=message):
        load(path)


def test_files_that_are_no_graph_are_refused(tmp_path):
    path = tmp_path / "graph.npz"
    with pytest.raises(ToolFailed, match="No such file"):
        load(path)
    path.write_bytes(b"something else")
    with pytest.raises(ToolFailed, match="not a valid integer graph: File is not a zip file"):
        load(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ToolFailed, match="There is no item named 'graph.json'"):
        load(path)


def test_a_file_cut_or_changed_anywhere_never_passes_silently(tmp_path):
    path = tmp_path / "graph.npz"
    save(random_graph(2), path)
    whole, expected = path.read_bytes(), to_text(random_graph(2))
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(whole), 60).tolist():
        path.write_bytes(whole[:position])
        with pytest.raises(ToolFailed):
            load(path)
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            assert to_text(load(path)) == expected
        except ToolFailed as error:
            assert "not a valid integer graph" in str(error)
