"""Random views of images, made for a whole batch at once.

Two kinds of pictures need two kinds of views.  *Of the sky* there is no upright and the source must stay in: any
rotation, mirror images, mild crops around the centre, scaling of the signal (for all bands together and band by band),
noise with the distribution of the image's own background, and blur like that of a worse PSF.  *Photos* have an upright
and a subject anywhere: crops of random place, size and aspect, left and right exchanged, and changes of brightness,
contrast, saturation and hue, to the point of no colour at all.

Photometric changes act on the signal above the background, taken as each band's median.
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

# Aspect of a random crop: between this and its inverse, as in Szegedy et al. 2015, https://arxiv.org/abs/1409.4842.
_ASPECT = 3 / 4
# Share of a blurred point's peak below which its light is left out.
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class Augmentation:
    """How much images are changed at random.

    Attributes
    ----------
    rotation
        Largest angle of rotation to either side, in degrees; 180 means any.
    flip
        Exchange left and right of half of the images.
    zoom
        Images are scaled by a factor between 1 / (1 + zoom) and 1 + zoom.
    shift
        Largest shift along each axis, as a fraction of the side.
    crop
        Smallest share of the area that is cut out, at a random place and with a random aspect; 1 cuts nothing.
    brightness
        Signal is scaled by a factor between 1 / (1 + brightness) and 1 + brightness, the same for all bands; in a photo
        that is the contrast.
    colour
        As brightness, drawn for each band on its own.
    offset
        Largest level that is added to all bands or taken from them, in units of the images.
    saturation
        Differences between the bands are scaled by a factor between 1 - saturation and 1 + saturation.
    hue
        Standard deviation of the shares in which bands are mixed; what is alike in all bands stays.
    grey
        Share of the images in which all bands are replaced by their mean.
    noise
        Largest amount of added noise, in units of the image's own background noise.
    blur
        Largest standard deviation of the blur, in pixels.
    """

    rotation: float = 180.0
    flip: bool = True
    zoom: float = 0.2
    shift: float = 0.05
    crop: float = 1.0
    brightness: float = 0.2
    colour: float = 0.0
    offset: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    grey: float = 0.0
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
    noise = _background_noise(images, augmentation.noise, draw) if augmentation.noise > 0 else None
    background = _background(images)
    views = _move(images - background[..., None, None], augmentation, draw)
    if augmentation.blur > 0:
        views = _blur(views, augmentation.blur, draw)
    mixing = _band_mixing(images, augmentation, draw)
    if augmentation.offset > 0:
        background = background + augmentation.offset * draw.signed(1)
    flat = views.flatten(start_dim=2)
    if mixing is None:
        flat = flat + background[..., None]
    elif images.shape[1] == 1:
        flat = torch.addcmul(background[..., None], flat, mixing)
    else:
        flat = torch.baddbmm(background[..., None], mixing, flat)
    if noise is not None:
        flat = flat.add_(noise)
    return flat.reshape(images.shape)


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

    def normal(self, *shape: int) -> Tensor:
        """Normally distributed, shape (n, *shape)."""
        return torch.randn(self._count, *shape, generator=self._generator, device=self._device, dtype=self._dtype)

    def integers(self, stop: int, count: int) -> Tensor:
        """As many integers from 0 to stop - 1, shape (count,)."""
        return torch.randint(stop, (count,), generator=self._generator, device=self._device)


def _background(images: Tensor) -> Tensor:
    """Level (n, channels) above which the signal is: the median of some 256 pixels, for the sake of time."""
    step = max(1, images.shape[-1] // 16)
    return images[..., step // 2 :: step, step // 2 :: step].flatten(start_dim=2).median(dim=2).values


def _move(images: Tensor, augmentation: Augmentation, draw: _Draw) -> Tensor:
    """Rotate, mirror, scale, shift and crop in one resampling; what lies outside the frame is its reflection."""
    angle = math.radians(augmentation.rotation) * draw.signed()
    # Half sides of what is shown, in the coordinates of `affine_grid`, which run from -1 to 1.
    width = height = torch.exp(math.log1p(augmentation.zoom) * draw.signed())
    mirror = draw.unit().lt(0.5) if augmentation.flip else torch.zeros_like(angle, dtype=torch.bool)
    x, y = 2 * augmentation.shift * draw.signed(), 2 * augmentation.shift * draw.signed()
    if augmentation.crop < 1:
        area = augmentation.crop + (1 - augmentation.crop) * draw.unit()
        aspect = torch.exp(math.log(_ASPECT) * draw.signed())
        across, down = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
        x, y = x + (1 - across) * draw.signed(), y + (1 - down) * draw.signed()
        width, height = width * across, height * down
    width = torch.where(mirror, -width, width)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    rows = [
        torch.stack([cosine * width, -sine * height, x], dim=1),
        torch.stack([sine * width, cosine * height, y], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _band_mixing(images: Tensor, augmentation: Augmentation, draw: _Draw) -> Tensor | None:
    """Matrices (n, channels, channels) by which the signal of the bands is scaled and mixed; None for no change."""
    channels = images.shape[1]
    scale: Tensor | None = None
    if augmentation.brightness > 0:
        scale = torch.exp(math.log1p(augmentation.brightness) * draw.signed(1, 1))
    if augmentation.colour > 0:
        factors = torch.exp(math.log1p(augmentation.colour) * draw.signed(channels, 1))
        scale = factors if scale is None else scale * factors
    many = channels > 1
    identity = torch.eye(channels, device=images.device, dtype=images.dtype)
    mixing: Tensor | None = None
    if many and augmentation.hue > 0:
        # Rows that sum to zero mix differences between bands only.
        shares = augmentation.hue * draw.normal(channels, channels)
        mixing = identity + shares - shares.mean(dim=2, keepdim=True)
    if many and (augmentation.saturation > 0 or augmentation.grey > 0):
        strength = 1 + augmentation.saturation * draw.signed(1, 1)
        strength = torch.where(draw.unit(1, 1) < augmentation.grey, 0, strength)
        saturation = torch.lerp(torch.full_like(identity, 1 / channels), identity, strength)
        mixing = saturation if mixing is None else torch.bmm(saturation, mixing)
    if mixing is None:
        return None if scale is None else scale * identity
    return mixing if scale is None else scale * mixing


def _background_noise(images: Tensor, amount: float, draw: _Draw) -> Tensor:
    """Noise (n, channels, pixels) drawn from what is left of the pixels along the frame without their surroundings.

    That keeps the distribution of each image's and band's noise and leaves out gradients and extended light; what
    remains of sources is clipped at three sigma.
    """
    edge = max(1, images.shape[-1] // 16)
    strips = (
        images[..., : edge + 2, :],
        images[..., -edge - 2 :, :],
        images[..., : edge + 2].transpose(2, 3),
        images[..., -edge - 2 :].transpose(2, 3),
    )
    strip = torch.cat(strips, dim=1)  # four bands for one
    surroundings = functional.avg_pool2d(strip, 3, stride=1)
    # A pixel less the mean of the nine around it has 8/9 of the variance of white noise.
    rest = math.sqrt(9 / 8) * (strip[..., 1:-1, 1:-1] - surroundings)
    channels = images.shape[1]
    frame = rest.reshape(len(images), 4, channels, -1).transpose(1, 2).flatten(start_dim=2)
    # Some 512 pixels tell the distribution; medians of more would take the time of the view itself.
    frame = frame[..., :: max(1, frame.shape[2] // 512)]
    frame = frame - frame.median(dim=2, keepdim=True).values
    # 1.4826 times the median absolute deviation is the standard deviation of a normal distribution.
    limit = 3 * 1.4826 * frame.abs().median(dim=2, keepdim=True).values
    frame = amount * draw.unit(1, 1) * frame.clamp(min=-limit, max=limit)
    # Every image of the batch takes the same random places of its own frame: quick, and no image sees the others.
    places = draw.integers(frame.shape[2], channels * images.shape[2] * images.shape[3]).reshape(channels, -1)
    return torch.stack([frame[:, band].index_select(1, places[band]) for band in range(channels)], dim=1)


def _blur(images: Tensor, sigma: float, draw: _Draw) -> Tensor:
    """Gaussian blur with a standard deviation drawn for each image between 0 and `sigma`.

    A Gaussian is separable, so that two products with a matrix an image do it; pixels at the rim are repeated outwards.
    """
    size = images.shape[-1]
    width = (sigma * draw.unit(1, 1)).clamp(min=1e-3)
    reach = max(1, math.ceil(2.5 * sigma))
    place = torch.arange(size, device=images.device, dtype=images.dtype)
    beyond = torch.arange(-reach, size + reach, device=images.device, dtype=images.dtype)
    weights = torch.exp(-0.5 * ((beyond[None, :] - place[:, None]) / width) ** 2)
    # Far from the centre are numbers too small to be normal, with which a product takes ten times as long.
    weights = torch.where(weights > _NEGLIGIBLE, weights, 0)
    matrix = weights[..., reach:-reach].clone()
    matrix[..., 0] += weights[..., :reach].sum(dim=2)
    matrix[..., -1] += weights[..., -reach:].sum(dim=2)
    matrix = (matrix / matrix.sum(dim=2, keepdim=True)).unsqueeze(1)
    return matrix @ images @ matrix.mT
