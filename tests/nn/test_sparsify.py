"""Masks: how many weights stay, which, and that they stay zero while the layers train."""

import io

import pytest
import torch
from torch import nn

from compiler.nn import ComplementaryMask, CurrentMask, DynamicMask, MagnitudePruning, RandomMask, sparsify


def small_model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 4, 12))


def train(model, sparsity, steps, seed=1):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(steps):
        x = torch.randn(16, 2, 4, 4, generator=generator)
        optimizer.zero_grad()
        (model(x) - x.flatten(1)[:, :12]).square().mean().backward()
        optimizer.step()
        sparsity.step()


def nonzeros_per_unit(layer) -> list[int]:
    return (layer.weight != 0).flatten(1).sum(dim=1).tolist()


def test_random_masks_keep_an_exact_count_while_weights_train():
    model = small_model()
    sparsity = sparsify(model, {"0": 5, "3": RandomMask(7)}, seed=3)
    before = model[0].weight.clone()
    train(model, sparsity, 5)
    assert nonzeros_per_unit(model[0]) == [5] * 8
    assert nonzeros_per_unit(model[3]) == [7] * 12
    assert torch.equal(before != 0, model[0].weight != 0)
    assert not torch.equal(before, model[0].weight)


def test_the_seed_decides_random_masks():
    masks = [sparsify(small_model(), {"3": 7}, seed=seed).masks()["3"] for seed in (1, 1, 2)]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_magnitude_pruning_thins_out_gradually_and_then_freezes():
    model = small_model()
    sparsity = sparsify(model, {"3": MagnitudePruning(6, begin=10, end=40, interval=5)})
    counts = []
    for _ in range(10):
        train(model, sparsity, 5)
        counts.append(nonzeros_per_unit(model[3])[0])
    assert counts[0] == 32
    assert counts == sorted(counts, reverse=True)
    assert nonzeros_per_unit(model[3]) == [6] * 12
    settled = sparsity.masks()["3"].clone()
    train(model, sparsity, 20)
    assert torch.equal(settled, sparsity.masks()["3"])


def test_magnitude_pruning_without_a_schedule_keeps_the_largest():
    model = small_model()
    largest = model[3].weight.abs().topk(4, dim=1).indices
    sparsify(model, {"3": MagnitudePruning(4)})
    assert torch.all(model[3].weight.gather(1, largest) != 0)
    assert nonzeros_per_unit(model[3]) == [4] * 12


def test_a_masked_weight_returns_when_its_gradients_make_it_large():
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, 0.9]])
    sparsity = sparsify(layer, {"": MagnitudePruning(1, begin=1, end=40, interval=1)}, loser_decay=0.0)
    sparsity.steps = 38
    layer.weight.data -= torch.tensor([[0.0, 0.5]])
    sparsity.step()
    assert layer.weight.tolist() == [[1.0, 0.0]]
    layer.weight.data -= torch.tensor([[0.0, 3.0]])
    sparsity.step()
    assert layer.weight[0].tolist() == pytest.approx([0.0, -2.6])


def test_dynamic_masks_keep_the_count_and_move_toward_large_gradients():
    model = small_model()
    sparsity = sparsify(model, {"3": DynamicMask(8, end=100, interval=5, share=0.5)})
    start = sparsity.masks()["3"].clone()
    train(model, sparsity, 30)
    assert sparsity.masks()["3"].sum(dim=1).tolist() == [8] * 12
    assert not torch.equal(start, sparsity.masks()["3"])


def test_dynamic_masks_say_when_the_gradient_is_gone():
    model = small_model()
    sparsity = sparsify(model, {"3": DynamicMask(8, end=100, interval=1)})
    with pytest.raises(ValueError, match="before zero_grad"):
        sparsity.step()


@pytest.mark.parametrize("schedule", [{}, {"begin": 2, "end": 20, "interval": 3}])
@pytest.mark.parametrize(("name", "block"), [("0", 4), ("3", 3)])
def test_complementary_masks_feed_each_input_to_one_unit_of_each_block(name, block, schedule):
    model = small_model()
    sparsity = sparsify(model, {name: ComplementaryMask(block, **schedule)})
    train(model, sparsity, 25)
    weight = model.get_submodule(name).weight
    used = (weight != 0).reshape(len(weight) // block, block, -1)
    assert torch.all(used.sum(dim=1) == 1)


def test_random_complementary_masks_share_inputs_evenly():
    model = small_model()
    sparsify(model, {"3": ComplementaryMask(4)})
    assert nonzeros_per_unit(model[3]) == [8] * 12


def test_learned_complementary_masks_keep_the_largest_of_each_block():
    layer = nn.Linear(3, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.1], [0.5, 1.0, -0.2]])
    sparsity = sparsify(layer, {"": ComplementaryMask(2, begin=0, end=1)})
    sparsity.step()
    assert (layer.weight != 0).tolist() == [[True, True, False], [False, False, True]]


def test_complementary_masks_hand_inputs_of_small_weights_to_the_unit_that_asks_loudest():
    layer = nn.Linear(4, 3, bias=False)
    layer.weight.data = torch.tensor([[3.0, 2.0, 0.2, 0.1], [0.0] * 4, [0.0] * 4])
    rule = ComplementaryMask(3, end=1, interval=1, regrow_until=4, regrow_interval=2, regrown=1.0)
    sparsity = sparsify(layer, {"": rule})
    sparsity.step()
    layer.weight.grad = torch.tensor([[0.0, 0.0, 7.0, 1.0], [9.0, 4.0, -6.0, 5.0], [1.0, -5.0, 2.0, 3.0]])
    sparsity.step()  # three quarters go over, all but the largest
    settled = torch.tensor([[1, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0]]).bool()
    assert torch.equal(sparsity.masks()[""], settled)
    assert layer.weight.tolist() == [[3.0, 0.0, 0.0, 0.0], [0.0] * 4, [0.0] * 4]
    sparsity.step()
    sparsity.step()
    assert torch.equal(sparsity.masks()[""], settled)


def test_complementary_masks_stay_complementary_while_inputs_change_units():
    model = small_model()
    rule = ComplementaryMask(3, begin=2, end=10, interval=3, regrow_until=24, regrow_interval=2)
    sparsity = sparsify(model, {"3": rule})
    train(model, sparsity, 10)
    settled = sparsity.masks()["3"]
    train(model, sparsity, 15)
    mask = sparsity.masks()["3"]
    assert not torch.equal(mask, settled)
    assert torch.all(mask.reshape(4, 3, -1).sum(dim=1) == 1)
    assert torch.equal(mask | (model[3].weight != 0), mask)


def test_a_block_that_does_not_divide_the_units_is_refused():
    with pytest.raises(ValueError, match="block must divide the layer's 12 units, not 5"):
        sparsify(small_model(), {"3": ComplementaryMask(5)})


def test_current_masks_keep_zeros_zero():
    model = small_model()
    sparsify(model, {"3": 7})
    before = model[3].weight != 0
    train(model, sparsify(model, {"3": CurrentMask()}), 5)
    assert torch.equal(before, model[3].weight != 0)


def test_only_layers_with_weights_can_be_sparse():
    with pytest.raises(ValueError, match="'1' must be a Conv2d or Linear of the model, but is a ReLU"):
        sparsify(small_model(), {"1": 5})
    with pytest.raises(ValueError, match="'9' must be a Conv2d or Linear of the model, but is missing"):
        sparsify(small_model(), {"9": 5})


def test_training_resumes_from_a_saved_state_as_if_it_had_never_stopped():
    pruning = MagnitudePruning(6, begin=5, end=35, interval=4)
    rules = {"0": ComplementaryMask(4, begin=1, end=30), "3": pruning}
    straight = small_model()
    train_without_momentum(straight, sparsify(straight, rules), [1, 2])
    stopped = small_model()
    first = sparsify(stopped, rules)
    train_without_momentum(stopped, first, [1])
    file = io.BytesIO()
    torch.save((stopped, first.state_dict()), file)
    file.seek(0)
    resumed, state = torch.load(file, weights_only=False)
    second = sparsify(resumed, rules)
    second.load_state_dict(state)
    resumed.load_state_dict(stopped.state_dict())
    train_without_momentum(resumed, second, [2])
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters(), strict=True))


def train_without_momentum(model, sparsity, seeds):
    for seed in seeds:
        train(model, sparsity, 15, seed)
