"""Augmentation changes clips within bounds."""

import torch

from models.gsc.augment import add_noise, augment, hide_bands, mix_power, warp


def clips(seed: int, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 1, 32, 32), generator=generator, dtype=torch.uint8)


def test_augmented_clips_are_pixels_and_repeat_with_the_seed():
    x, noise = clips(0, 16), clips(1, 5)
    torch.manual_seed(3)
    first = augment(x, noise)
    torch.manual_seed(3)
    assert torch.equal(first, augment(x, noise))
    assert first.shape == x.shape
    assert first.min() >= 0
    assert first.max() <= 255
    assert not torch.equal(first, x.float())


def test_powers_add_up():
    level = torch.tensor([100.0])
    assert torch.allclose(mix_power(level, level), level + 9.89 * torch.log(torch.tensor(2.0)))
    assert torch.allclose(mix_power(level, torch.tensor([0.0])), level, atol=1e-3)


def test_noise_never_makes_a_clip_quieter_and_spares_its_share():
    x = clips(2, 200).float()
    torch.manual_seed(0)
    noisy = add_noise(x, clips(3, 9), share=0.5)
    assert torch.all(noisy >= x - 1e-3)
    untouched = (noisy == x).flatten(1).all(dim=1).float().mean()
    assert 0.35 < untouched < 0.65


def test_warp_keeps_a_flat_picture_flat_and_moves_an_edge_a_little():
    torch.manual_seed(0)
    assert torch.allclose(warp(torch.full((4, 1, 32, 32), 7.0)), torch.tensor(7.0))
    edge = torch.zeros(50, 1, 32, 32)
    edge[..., 16:] = 1.0
    columns = warp(edge)[:, 0, 16].sum(dim=1)
    assert columns.min() >= 16 - 4 - 2
    assert columns.max() <= 16 + 4 + 2
    assert columns.std() > 0.5


def test_hidden_bands_are_at_most_as_wide_as_asked():
    torch.manual_seed(0)
    x = torch.rand(64, 1, 32, 32) + 1
    changed = hide_bands(x, widest=3)[:, 0] != x[:, 0]
    assert changed.all(dim=2).sum(dim=1).max() <= 3
    assert changed.all(dim=1).sum(dim=1).max() <= 3
    assert changed.any()
