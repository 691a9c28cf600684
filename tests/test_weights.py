"""Other weights for a build: the same hardware, the numbers of the other network, or a reason why not."""

import filecmp
import json

import numpy as np
import pytest
import torch
from torch import nn

import compiler
import compiler.__main__ as command_line
from benchmarks.networks import network, retrained
from compiler.errors import DoesNotFit, ToolFailed
from compiler.frontend import load
from compiler.frontend.exact_module import exact_logits
from compiler.pipeline import rewrite
from compiler.steps import Steps
from compiler.weights import reweight

NAMES = ("linear_only", "one_by_one", "free_scales")
KEPT = {"linear_only": 0, "one_by_one": 1, "free_scales": 1}
"""Layers with weights that are fixed, the first ones."""


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """Return each network, and its build with weights that can be loaded."""
    folder, found = tmp_path_factory.mktemp("weights"), {}
    for name in NAMES:
        model, shape = network(name)
        bundle = compiler.build(
            model, board="u250", input_shape=shape, output=folder / name, reloadable=True
        )
        found[name] = model, bundle
    return found


def saved(model, folder):
    torch.save(model, folder / "other.pt")
    return folder / "other.pt"


@pytest.mark.parametrize("name", NAMES)
def test_new_weights_change_images_alone_and_give_the_numbers_of_the_other_network(builds, name, tmp_path):
    model, bundle = builds[name]
    other = retrained(model, kept=KEPT[name])
    new = reweight(bundle.directory, saved(other, tmp_path), output=tmp_path / "new")
    rtl = bundle.directory / "rtl", new.directory / "rtl"
    sources = [path.name for path in rtl[0].glob("*.v")]
    assert filecmp.cmpfiles(*rtl, sources, shallow=False)[1:] == ([], [])
    images = [sorted(path.name for path in (folder / "images").iterdir()) for folder in rtl]
    assert images[0] == images[1]
    assert new.fixed_layers == bundle.fixed_layers and len(new.fixed_layers) == KEPT[name]
    assert new.manifest["weights"]["of"] == bundle.build_number
    assert new.manifest["options"] == bundle.manifest["options"] and bundle.manifest["options"]["reloadable"]
    assert len((new.directory / "weights.bin").read_bytes()) == new.manifest["weights"]["bytes"] + 4
    with np.load(new.directory / "vectors.npz") as now, np.load(bundle.directory / "vectors.npz") as before:
        assert np.array_equal(now["x"], before["x"]) and not np.array_equal(now["logits"], before["logits"])
        x, logits = now["x"].astype(np.int64), now["logits"]
    # Of PyTorch, with the other network in the formats of the build, which were fitted and not trained.
    trained = load(other, input_shape=bundle.graph.input.shape)
    forms = {node.inputs[0]: node.output.form for node in bundle.graph if node.kind == "Requantize"}
    forms[bundle.graph.input.name] = bundle.graph.input.form
    exact = rewrite(trained, Steps(), frames=None, formats=forms)["tighten_accumulators"]
    assert np.array_equal(exact_logits(exact, x).reshape(len(x), -1), logits)


def test_the_weights_of_a_build_itself_make_the_same_load(builds, tmp_path):
    model, bundle = builds["one_by_one"]
    same = reweight(bundle.directory, saved(model, tmp_path), output=tmp_path / "same")
    assert (same.directory / "weights.bin").read_bytes() == (bundle.directory / "weights.bin").read_bytes()


def denser(model):
    with torch.no_grad():
        weight = model[-1].weight
        weight[weight == 0] = weight.abs().max() / 100
    return model


def larger(model):
    with torch.no_grad():
        model[-1].weight.mul_(4)
    return model


def other_first_layer(model):
    with torch.no_grad():
        model[0].bias.add_(0.25)
    return model


def one_unit_more(model):
    model[-1] = nn.Linear(80, 2)
    return model


REFUSED = {
    denser: "linear_.*(words|cycles).* built for|words are needed",
    larger: "linear_.*counts its sums in units of",
    other_first_layer: "conv2d_0.*fixed, and has other weights or biases; keep this layer",
    one_unit_more: "linear_.*the build has",
}


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_what_does_not_fit_is_refused_with_its_reason(builds, change, tmp_path):
    model, bundle = builds["one_by_one"]
    other = change(retrained(model, kept=9))
    with pytest.raises(DoesNotFit, match=REFUSED[change]):
        reweight(bundle.directory, saved(other, tmp_path), output=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_build_with_fixed_weights_says_so(tmp_path):
    model, shape = network("linear_only")
    bundle = compiler.build(model, board="u250", input_shape=shape, output=tmp_path / "fixed")
    assert bundle.manifest["weights"] is None
    with pytest.raises(ToolFailed, match="has fixed weights; build it with --reloadable"):
        reweight(bundle.directory, saved(model, tmp_path))


def test_the_command_says_what_is_loaded_and_what_is_fixed(builds, tmp_path, capsys):
    model, bundle = builds["one_by_one"]
    arguments = ["weights", str(bundle.directory), str(saved(retrained(model, kept=1), tmp_path))]
    assert command_line.main([*arguments, "-o", str(tmp_path / "new"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fixed"] and not set(found["fixed"]) & set(found["stages"])
    assert command_line.main([*arguments, "-o", str(tmp_path / "new")]) == 0
    assert "fixed, and the same in both: " + found["fixed"][0] in capsys.readouterr().out
