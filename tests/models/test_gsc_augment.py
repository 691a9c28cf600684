"""Augmentation changes clips within bounds."""

import torch

from models.gsc.augment import add_noise, augment, draw_noise, hide_bands, mix_power, warp


def clips(seed: int, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 1, 32, 32), generator=generator, dtype=torch.uint8)


def test_augmented_clips_are_pixels_and_repeat_with_the_seed():
    x, noise, silent = clips(0, 16), clips(1, 5), torch.arange(16) < 4
    torch.manual_seed(3)
    first = augment(x, silent, noise)
    torch.manual_seed(3)
    assert torch.equal(first, augment(x, silent, noise))
    assert first.shape == x.shape
    assert first.min() >= 0
    assert first.max() <= 255
    assert not torch.equal(first, x.float())


def test_a_share_of_the_clips_stays_as_it_is_but_silence_does_not():
    torch.manual_seed(0)
    x, silent = clips(5, 200), torch.arange(200) < 100
    changed = (augment(x, silent, clips(6, 5), share=0.25) != x).flatten(1).any(dim=1)
    assert changed[silent].all()
    assert 0.1 < changed[~silent].float().mean() < 0.4


def test_powers_add_up():
    level = torch.tensor([100.0])
    assert torch.allclose(mix_power(level, level), level + 9.89 * torch.log(torch.tensor(2.0)))
    assert torch.allclose(mix_power(level, torch.tensor([0.0])), level, atol=1e-3)


def test_noise_is_drawn_at_the_level_asked_for_and_faint_recordings_are_passed_over():
    noise = torch.stack([torch.full((1, 32, 32), 5), clips(3, 1)[0]]).to(torch.uint8)
    level = torch.tensor([10.0, 150.0]).reshape(2, 1, 1, 1)
    drawn = draw_noise(noise, level)
    assert torch.allclose(drawn.mean(dim=(1, 2, 3), keepdim=True), level, atol=1e-3)
    assert drawn.flatten(1).std(dim=1).min() > 10


def test_silence_becomes_loud_at_times():
    torch.manual_seed(0)
    faint = torch.zeros(64, 1, 32, 32, dtype=torch.uint8)
    loudness = augment(faint, torch.ones(64, dtype=torch.bool), clips(4, 3)).mean(dim=(1, 2, 3))
    assert loudness.max() > 150
    assert loudness.min() < 20


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
