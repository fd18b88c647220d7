"""Random views of images, made for a whole batch at once.

Made for images of the sky: any rotation, mirror images, mild crops around the centre (the source stays in), scaling of
brightness (for all bands together and band by band), noise with the distribution of the image's own background, and
blur like that of a worse PSF.  Photometric changes act on the signal above the background, taken as each band's median.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["Augmentation", "augment"]


@dataclass(frozen=True)
class Augmentation:
    """How much images are changed at random.

    Attributes
    ----------
    rotation
        Largest angle of rotation to either side, in degrees; 180 means any.
    flip
        Mirror half of the images.
    zoom
        Images are scaled by a factor between 1 / (1 + zoom) and 1 + zoom.
    shift
        Largest shift along each axis, as a fraction of the side.
    brightness
        Signal is scaled by a factor between 1 / (1 + brightness) and 1 + brightness, the same for all bands.
    colour
        As brightness, drawn for each band on its own.
    noise
        Largest amount of added noise, in units of the image's own background noise.
    blur
        Largest standard deviation of the blur, in pixels.
    """

    rotation: float = 180.0
    flip: bool = True
    zoom: float = 0.2
    shift: float = 0.05
    brightness: float = 0.2
    colour: float = 0.0
    noise: float = 0.0
    blur: float = 0.0


def augment(images: Tensor, augmentation: Augmentation, generator: Generator) -> Tensor:
    """One random view of every image.

    Parameters
    ----------
    images
        Shape (n, channels, size, size), floating point.
    augmentation
        How much to change.
    generator
        Source of all randomness, on the device of the images: the same state gives the same views.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    draw = _Draw(images, generator)
    if augmentation.noise > 0:
        noise = _background_noise(images, draw) * (augmentation.noise * draw.unit(1, 1, 1))
    background = images.flatten(start_dim=2).median(dim=2).values[..., None, None]
    views = _move(images - background, augmentation, draw)
    if augmentation.blur > 0:
        views = _blur(views, augmentation.blur, draw)
    if augmentation.brightness > 0:
        views = views * torch.exp(math.log1p(augmentation.brightness) * draw.signed(1, 1, 1))
    if augmentation.colour > 0:
        views = views * torch.exp(math.log1p(augmentation.colour) * draw.signed(images.shape[1], 1, 1))
    views = views + background
    return views + noise if augmentation.noise > 0 else views


class _Draw:
    """Random numbers for each image of a batch."""

    def __init__(self, images: Tensor, generator: Generator) -> None:
        self._count = len(images)
        self._device = images.device
        self._dtype = images.dtype
        self._generator = generator

    def unit(self, *shape: int) -> Tensor:
        """Between 0 and 1, shape (n, *shape)."""
        return torch.rand(self._count, *shape, generator=self._generator, device=self._device, dtype=self._dtype)

    def signed(self, *shape: int) -> Tensor:
        """Between -1 and 1, shape (n, *shape)."""
        return 2 * self.unit(*shape) - 1

    def integers(self, stop: int, *shape: int) -> Tensor:
        """Integers from 0 to stop - 1, shape (n, *shape)."""
        return torch.randint(stop, (self._count, *shape), generator=self._generator, device=self._device)


def _move(images: Tensor, augmentation: Augmentation, draw: _Draw) -> Tensor:
    """Rotate, mirror, scale and shift in one resampling; what lies outside the frame is its reflection."""
    angle = math.radians(augmentation.rotation) * draw.signed()
    scale = torch.exp(math.log1p(augmentation.zoom) * draw.signed())
    mirror = draw.unit().lt(0.5) if augmentation.flip else torch.zeros_like(angle, dtype=torch.bool)
    sign = 1 - 2 * mirror.to(images.dtype)
    # A shift by a fraction of the side is twice that in the coordinates of `affine_grid`, which run from -1 to 1.
    shift_x, shift_y = 2 * augmentation.shift * draw.signed(), 2 * augmentation.shift * draw.signed()
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [torch.stack([sign * cosine, -sine, shift_x], dim=1), torch.stack([sign * sine, cosine, shift_y], dim=1)]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _background_noise(images: Tensor, draw: _Draw) -> Tensor:
    """Noise drawn from what is left of the pixels along the frame when their surroundings are taken off.

    That keeps the distribution of each image's and band's noise and leaves out gradients and extended light; what
    remains of sources is clipped at three sigma.
    """
    edge = max(1, images.shape[-1] // 16)
    inner = torch.zeros(images.shape[-2:], dtype=torch.bool, device=images.device)
    inner[edge:-edge, edge:-edge] = True
    surroundings = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    # A pixel less the mean of the nine around it has 8/9 of the variance of white noise.
    frame = math.sqrt(9 / 8) * (images - surroundings)[..., ~inner]
    frame = frame - frame.median(dim=2, keepdim=True).values
    # 1.4826 times the median absolute deviation is the standard deviation of a normal distribution.
    limit = 3 * 1.4826 * frame.abs().median(dim=2, keepdim=True).values
    frame = frame.clamp(min=-limit, max=limit)
    chosen = draw.integers(frame.shape[2], *images.shape[1:])
    return frame.gather(2, chosen.flatten(start_dim=2)).reshape(images.shape)


def _blur(images: Tensor, sigma: float, draw: _Draw) -> Tensor:
    """Gaussian blur of random strength, as a mixture of the image and its copy blurred by `sigma`.

    The mixture's kernel has a variance between 0 and sigma squared, and costs one convolution for the batch.
    """
    reach = max(1, math.ceil(2.5 * sigma))
    steps = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = kernel / kernel.sum()
    channels = images.shape[1]
    row = kernel.reshape(1, 1, 1, -1).expand(channels, 1, 1, -1)
    column = kernel.reshape(1, 1, -1, 1).expand(channels, 1, -1, 1)
    padded = functional.pad(images, (reach, reach, reach, reach), mode="replicate")
    blurred = functional.conv2d(functional.conv2d(padded, row, groups=channels), column, groups=channels)
    return torch.lerp(images, blurred, draw.unit(1, 1, 1))
