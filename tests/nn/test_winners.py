"""k-winner-take-all: how many win, who wins a tie, what training may change."""

import io

import numpy as np
import pytest
import torch

from compiler.nn import KWinners, KWinners2d
from hdl.numerics import global_winners, local_winners


def integers(seed: int, shape: tuple[int, ...], largest: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(largest + 1, shape, generator=generator).float()


@pytest.mark.parametrize("largest", [1, 3, 255])
@pytest.mark.parametrize("k", [1, 3, 8, 20])
def test_evaluation_equals_the_hardware_rule_with_many_ties(k, largest):
    x = integers(k, (4, 8, 5, 6), largest)
    local = KWinners2d(k).eval()(x)
    whole = KWinners(k).eval()(x)
    assert np.array_equal(local.numpy(), local_winners(x.long().numpy(), k))
    assert np.array_equal(whole.numpy(), global_winners(x.long().numpy(), k))


def test_evaluation_does_not_depend_on_memory_layout():
    x = integers(0, (2, 16, 4, 4), 3)
    strided = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(KWinners2d(4).eval()(x), KWinners2d(4).eval()(strided))
    assert torch.equal(KWinners(9).eval()(x), KWinners(9).eval()(strided))


def test_training_lets_at_most_k_through_in_spite_of_ties():
    x = integers(1, (8, 32, 3, 3), 2)
    assert (KWinners2d(5)(x) != 0).sum(dim=1).max() <= 5
    assert (KWinners(40)(x) != 0).flatten(1).sum(dim=1).max() <= 40


def test_negative_winners_keep_their_value():
    x = torch.tensor([[-1.0, -2.0, -3.0]])
    assert KWinners(2).eval()(x).tolist() == [[-1.0, -2.0, 0.0]]


def test_gradient_flows_to_winners_alone():
    x = torch.tensor([[1.0, 4.0, 2.0, 3.0]], requires_grad=True)
    KWinners(2)(x).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0, 0.0, 1.0]]


@pytest.mark.parametrize("winners", [KWinners2d, KWinners])
def test_soft_winners_harden_into_the_ones_of_evaluation(winners):
    x = torch.rand(3, 8, 2, 2, generator=torch.Generator().manual_seed(5))
    hard = winners(3).eval()(x)
    distances = [(winners(3, softness=softness)(x) - hard).abs().max() for softness in (0.5, 0.05, 1e-6)]
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 1e-3
    assert torch.equal(winners(3, softness=0.5).eval()(x), hard)


def test_soft_winners_tell_losers_how_to_win():
    x = torch.tensor([[1.0, 4.0, 2.0, 3.0]], requires_grad=True)
    KWinners(2, softness=0.3)(x)[0, 2].backward()
    assert x.grad[0, 2] > 0 > x.grad[0, 3]


def test_soft_winners_of_nothing_are_nothing():
    assert KWinners2d(2, softness=0.3)(torch.zeros(2, 5, 3, 3)).abs().max() == 0


def test_k_may_be_assigned_between_batches():
    layer = KWinners(3).eval()
    x = torch.arange(1.0, 6.0).reshape(1, 5)
    assert (layer(x) != 0).sum() == 3
    layer.k = 1
    assert layer(x).tolist() == [[0.0, 0.0, 0.0, 0.0, 5.0]]


def test_k_below_one_is_refused():
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        KWinners2d(0)


def test_boosting_lets_a_starved_unit_win_in_training_only():
    layer = KWinners(1, boost_strength=5.0)
    x = torch.tensor([[1.0, 0.9]])
    first = layer(x)
    assert first.tolist() == pytest.approx(x.tolist()[0][:1] + [0.0]) or first[0, 1] == 0
    later = [layer(x)[0, 1].item() for _ in range(10)]
    assert max(later) == pytest.approx(0.9)
    assert layer.eval()(x)[0, 1] == 0


def test_duty_cycle_counts_shares_of_pixels_and_ignores_zero_winners():
    layer = KWinners2d(1, boost_strength=1.0)
    x = torch.zeros(1, 3, 1, 4)
    x[0, 1, 0, :2] = 1.0
    layer(x)
    assert layer.duty_cycle.tolist() == [0.0, 0.5, 0.0]


@pytest.mark.parametrize("layer", [KWinners2d(2, 1.0), KWinners(7, 1.0)])
def test_whole_module_survives_saving(layer):
    layer(integers(3, (2, 6, 4, 4), 9))
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    again = torch.load(file, weights_only=False).eval()
    x = integers(4, (2, 6, 4, 4), 9)
    assert torch.equal(again(x), layer.eval()(x))
    assert again.k == layer.k
