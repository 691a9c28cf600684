"""Starting from a trained network: nothing changes but that batch normalization is back."""

import pytest
import torch

from models.gsc.network import network
from models.gsc.warm_start import start_from


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    return torch.randint(256, (40, 1, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def trained() -> torch.nn.Sequential:
    """Return a dense network whose batch normalization does nothing, as if it were folded."""
    torch.manual_seed(1)
    return network("dense").eval()


def test_a_started_network_answers_like_the_one_it_started_from(clips):
    source, model = trained(), network("dense")
    for layer in source:
        if hasattr(layer, "running_var"):
            layer.eps = 0.0
    start_from(model, source, clips)
    with torch.no_grad():
        assert torch.allclose(model.eval()(clips), source(clips), atol=1e-4)


def test_batch_normalization_has_the_statistics_of_the_clips(clips):
    model = network("sparse_sparse")
    start_from(model, trained(), clips)
    with torch.no_grad():
        values = model.conv1(model.normalize(clips.float()))
    assert torch.allclose(model.batchnorm1.running_mean, values.mean((0, 2, 3)), atol=1e-4)
    assert torch.allclose(model.batchnorm1.weight.square(), values.var((0, 2, 3)), rtol=1e-2)


def test_a_held_first_layer_comes_from_its_own_checkpoint_and_has_its_winners_at_once(clips):
    held, model = trained(), network("sparse_sparse")
    with torch.no_grad():
        held.conv1.weight.mul_(2)
    start_from(model, trained(), clips, held)
    assert torch.equal(model.conv1.weight, held.conv1.weight)
    assert torch.equal(model.conv2.weight, trained().conv2.weight)
    with torch.no_grad():
        values = model[: list(dict(model.named_children())).index("conv2") + 1].eval()(clips)
    assert torch.allclose(model.batchnorm2.running_mean, values.mean((0, 2, 3)), atol=1e-4)
