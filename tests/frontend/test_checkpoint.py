"""Files that users have: the two forms that are read, and the others, which say how to save again."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.forgery import archive
from compiler.frontend import examine, load


def refusal(path) -> str:
    """Return all problems of a file as text."""
    examination = examine(path)
    assert examination.graph is None
    return "\n".join(map(str, examination.problems))


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 16, 3))


ARCHITECTURE = [
    {"kind": "Conv2d", "name": "0", "in_channels": 1, "out_channels": 2, "kernel_size": 3, "padding": 1},
    {"kind": "ReLU", "name": "1"},
    {"kind": "Flatten", "name": "2"},
    {"kind": "Linear", "name": "3", "in_features": 32, "out_features": 3, "bias": True},
]


def save_form(path, **changes) -> None:
    torch.save({"architecture": ARCHITECTURE, "state_dict": network().state_dict(), **changes}, path)


def test_the_dict_form_equals_the_module(tmp_path):
    module = network()
    torch.save(module, tmp_path / "a.pt")
    save_form(tmp_path / "b.pt", state_dict=module.state_dict())
    graphs = [load(tmp_path / name) for name in ("a.pt", "b.pt")]
    assert [str(node.output) for node in graphs[0]] == [str(node.output) for node in graphs[1]]
    assert np.array_equal(graphs[0].nodes[3].op.weight, graphs[1].nodes[3].op.weight)


def test_the_dict_form_may_state_name_and_input_shape(tmp_path):
    save_form(tmp_path / "b.pt", input_shape=[1, 2, 8], name="my net")
    graph = load(tmp_path / "b.pt")
    assert graph.name == "my_net" and graph.input.shape == (1, 2, 8)
    save_form(tmp_path / "b.pt", input_shape=torch.Size([1, 8, 2]))
    assert load(tmp_path / "b.pt").input.shape == (1, 8, 2)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"optimizer": 1}, "the key 'optimizer' is not known"),
        ({"architecture": 5}, "not a list"),
        ({"architecture": [5]}, "layer 0 of its architecture is not a dict with a kind"),
        ({"architecture": [{"kind": "ReLU", "name": 5}]}, "name of layer 0 of its architecture is not text"),
        ({"architecture": ARCHITECTURE[:3]}, "no layer is named '3'"),
        ({"architecture": [*ARCHITECTURE, ARCHITECTURE[1]]}, "2 layers of its architecture are named '1'"),
        ({"architecture": [*ARCHITECTURE, {"kind": "GRU", "name": "g"}]}, "g (GRU): this kind of layer is"),
        ({"architecture": [*ARCHITECTURE, {"kind": "ReLU", "slope": 2}]}, "attribute slope=2 is not known"),
        ({"state_dict": 5}, "state_dict is not a dict"),
        ({"state_dict": {"0.weight": 5}}, "'0.weight' in its state_dict is not a tensor"),
        ({"state_dict": {}}, "0 (Conv2d): its weight is missing"),
    ],
)
def test_mistakes_in_the_dict_form_are_named(changes, text, tmp_path):
    save_form(tmp_path / "b.pt", **changes)
    assert text in refusal(tmp_path / "b.pt")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_is_read(protocol, tmp_path):
    torch.save(network(), tmp_path / "a.pt", pickle_protocol=protocol)
    assert len(load(tmp_path / "a.pt").nodes) == 4


def test_a_legacy_file_says_so(tmp_path):
    torch.save(network(), tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert "from before version 1.6; save it again" in refusal(tmp_path / "a.pt")


def test_a_bare_state_dict_says_so(tmp_path):
    torch.save(network().state_dict(), tmp_path / "a.pt")
    assert "bare state dict" in refusal(tmp_path / "a.pt")


def test_a_training_checkpoint_names_its_keys(tmp_path):
    torch.save({"model": network().state_dict(), "epoch": 3}, tmp_path / "a.pt")
    assert "it is a dict of model, epoch" in refusal(tmp_path / "a.pt")


def test_unsupported_layers_are_all_named(tmp_path):
    torch.save(nn.Sequential(nn.Conv2d(1, 2, 3), nn.SELU(), nn.GRU(2, 2)), tmp_path / "a.pt")
    text = refusal(tmp_path / "a.pt")
    assert "1 (SELU): this kind of layer is not supported" in text
    assert "2 (GRU): this kind of layer is not supported" in text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty; not a .pt file"),
        (b"hello", "is not a .pt file"),
        (pickle.dumps({"a": 1}), "is a bare pickle"),
        (b"\x89HDF\r\n", "HDF5"),
    ],
)
def test_other_files_are_told_apart(content, text, tmp_path):
    (tmp_path / "a.pt").write_bytes(content)
    assert text in refusal(tmp_path / "a.pt")


def test_an_npz_and_a_torchscript_archive_are_told_apart(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    assert "torch.save did not write it" in refusal(tmp_path / "a.npz")
    (tmp_path / "b.pt").write_bytes(archive(b"", **{"model/constants.pkl": b""}))
    assert "TorchScript" in refusal(tmp_path / "b.pt")


def test_missing_files_directories_and_huge_files_are_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "none.pt")
    assert "is not a file" in refusal(tmp_path)
    with (tmp_path / "huge.pt").open("wb") as file:
        file.truncate(1 << 40)
    assert "128 MiB" in refusal(tmp_path / "huge.pt")


def test_reading_a_file_does_not_import_torch(tmp_path):
    torch.save(network(), tmp_path / "a.pt")
    code = "import sys, compiler.frontend as f; f.load(sys.argv[1]); sys.exit('torch' in sys.modules)"
    command = [sys.executable, "-c", code, str(tmp_path / "a.pt")]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == 0
