"""Random views."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lse.representation.training.augmentation import Augmentation, augment

NOTHING = Augmentation(rotation=0, flip=False, zoom=0, shift=0, brightness=0, colour=0, noise=0, blur=0)
ALL = Augmentation(rotation=180, flip=True, zoom=0.2, shift=0.05, brightness=0.5, colour=0.5, noise=1, blur=1)


def _source(count: int = 16, channels: int = 2, size: int = 33) -> torch.Tensor:
    """A round source in the centre on a noisy background of level 5."""
    axis = torch.arange(size) - size // 2
    radius = axis[:, None] ** 2 + axis[None, :] ** 2
    noise = torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(3))
    return 5 + 0.1 * noise + 10 * torch.exp(-radius / 18.0)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_change_asked_is_no_change() -> None:
    images = _source()
    torch.testing.assert_close(augment(images, NOTHING, _generator()), images)


def test_the_generator_decides_all() -> None:
    images = _source()
    first = augment(images, ALL, _generator(1))
    assert torch.equal(first, augment(images, ALL, _generator(1)))
    assert not torch.equal(first, augment(images, ALL, _generator(2)))
    assert first.shape == images.shape
    assert torch.isfinite(first).all()


def test_images_of_a_batch_are_changed_differently() -> None:
    same = _source(1).expand(8, -1, -1, -1)
    views = augment(same, ALL, _generator())
    assert not torch.allclose(views[0], views[1])


@pytest.mark.parametrize("seed", range(3))
def test_the_source_stays_in_the_frame(seed: int) -> None:
    views = augment(_source(), ALL, _generator(seed))
    flat = views.mean(dim=1).flatten(start_dim=1)
    row, column = np.divmod(flat.argmax(dim=1).numpy(), 33)
    assert np.abs(row - 16).max() <= 5
    assert np.abs(column - 16).max() <= 5


def test_rotation_turns_the_image() -> None:
    image = torch.zeros(200, 1, 33, 33)
    image[:, :, 16, 18:24] = 1  # a bar to the right
    views = augment(image, Augmentation(rotation=180, flip=False, zoom=0, shift=0, brightness=0), _generator())
    rows = views[:, 0].sum(dim=2).argmax(dim=1)
    assert len(rows.unique()) > 5
    # A turn keeps the light.
    np.testing.assert_allclose(views.sum(dim=(1, 2, 3)).numpy(), 6, rtol=0.15)


def test_brightness_scales_the_signal_and_not_the_background() -> None:
    images = _source()
    views = augment(images, Augmentation(0, flip=False, zoom=0, shift=0, brightness=1.0), _generator())
    before, after = images.flatten(start_dim=2).median(dim=2).values, views.flatten(start_dim=2).median(dim=2).values
    # The background is read from a part of the pixels: it stays within a third of its noise.
    torch.testing.assert_close(after, before, atol=0.033, rtol=0)
    ratio = (views.amax(dim=(2, 3)) - 5) / (images.amax(dim=(2, 3)) - 5)
    assert ratio.min() > 0.45
    assert ratio.max() < 2.2
    torch.testing.assert_close(ratio[:, 0], ratio[:, 1], rtol=0.1, atol=0)


def test_noise_follows_the_background_of_each_image() -> None:
    quiet, loud = _source(), _source()
    loud = loud + torch.randn(loud.shape, generator=_generator(9))
    noisy = Augmentation(rotation=0, flip=False, zoom=0, shift=0, brightness=0, noise=1)
    images = torch.cat([quiet, loud])
    added = (augment(images, noisy, _generator()) - images).std(dim=(1, 2, 3))
    assert added[:16].mean() < 0.12
    assert added[16:].mean() > 3 * added[:16].mean()


def test_an_empty_sky_gets_no_noise() -> None:
    images = torch.zeros(4, 1, 16, 16)
    images[:, :, 8, 8] = 1
    noisy = Augmentation(rotation=0, flip=False, zoom=0, shift=0, brightness=0, noise=1)
    torch.testing.assert_close(augment(images, noisy, _generator()), images)


def test_blur_keeps_light_and_lowers_the_peak() -> None:
    images = torch.zeros(8, 2, 33, 33)
    images[:, :, 16, 16] = 1
    blurred = augment(images, Augmentation(0, flip=False, zoom=0, shift=0, brightness=0, blur=2), _generator())
    torch.testing.assert_close(blurred.sum(dim=(2, 3)), images.sum(dim=(2, 3)))
    peaks = blurred.amax(dim=(2, 3))
    assert (peaks <= 1 + 1e-6).all()
    assert peaks.min() < 0.1  # some are blurred much, and some hardly
    assert peaks.max() > 0.9


def test_a_gradient_is_no_noise() -> None:
    images = torch.linspace(0, 100, 33).expand(4, 1, 33, 33)
    noisy = Augmentation(rotation=0, flip=False, zoom=0, shift=0, brightness=0, noise=1)
    torch.testing.assert_close(augment(images, noisy, _generator()), images, atol=1e-3, rtol=0)
