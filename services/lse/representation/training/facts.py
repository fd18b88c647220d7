"""What the images of a data set tell about themselves, without any label: what its views are chosen from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lse.representation.training.images import ArrayLike

    Turn = Callable[[NDArray[np.float32]], NDArray[np.float32]]

__all__ = ["DatasetFacts", "measure_facts"]

_SAMPLE = 512
_BLOCK = 32
# Side to which images are averaged down before their orientation is looked at.
_COARSE = 16
# Images of which more than this share is background are sources on the sky, or look like them.
_SPARSE = 0.6
# What images must have in common to have an upright.  A telescope leaves a little of that in images of the sky, by its
# beam, its spikes and the rim of its chip, which is less than what makes a picture, and shows most on an empty sky.
_UPRIGHT, _UPRIGHT_SPARSE = 0.01, 0.1
_NULL_DRAWS = 19


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of a data set without any label.

    Attributes
    ----------
    images, channels, size
        Count of images, and their bands and side in pixels.
    background
        Mean share of the pixels of an image that are at its background level, give or take the noise.
    noisy
        Whether the background varies from pixel to pixel: not where it was clipped to one value.
    orientation
        What the differences between images and their copies turned by a quarter or a half have in common, as a share
        of their variance: 0 where no turn matters, or where chance alone may have brought it.
    handedness
        The same for copies with left and right exchanged.
    chance
        What chance alone may bring to `orientation`: an upright that shows less cannot be seen in so few images.
    levels
        By how much the level of the background differs from image to image, as a standard deviation, in standard
        deviations of all pixels.
    """

    images: int
    channels: int
    size: int
    background: float
    noisy: bool
    orientation: float
    handedness: float
    chance: float = 0.0
    levels: float = 0.0

    @property
    def sparse(self) -> bool:
        """Whether images are sources on a background, rather than scenes that fill the frame."""
        return self.background > _SPARSE

    @property
    def too_few(self) -> bool:
        """Whether there are too few images to tell whether they have an upright."""
        return not self.sparse and self.orientation == 0 and self.chance > 2 * _UPRIGHT

    @property
    def upright(self) -> bool:
        """Whether images have an upright, as photos do and the sky does not.

        Too few images to tell are taken to have one where they fill their frames: scenes do, sources on the sky not.
        """
        return self.too_few or self.orientation > (_UPRIGHT_SPARSE if self.sparse else _UPRIGHT)

    @property
    def handed(self) -> bool:
        """Whether left and right must not be exchanged."""
        return self.upright and self.handedness > _UPRIGHT

    @property
    def photographs(self) -> bool:
        """Whether images are in colour and have an upright."""
        return self.channels == 3 and self.upright


def measure_facts(images: ArrayLike, rows: NDArray[np.int64] | None = None) -> DatasetFacts:
    """Look at up to 512 images, spread evenly over the set.

    Parameters
    ----------
    images
        Shape (n, channels, size, size).
    rows
        Rows that count, all when None.
    """
    count, channels, size = int(images.shape[0]), int(images.shape[1]), int(images.shape[2])
    chosen = np.arange(count) if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
    chosen = chosen[(chosen >= 0) & (chosen < count)]
    sample = _sample(images, chosen)
    background, noisy = _background(sample[:: max(1, len(sample) // 128)])
    orientation, handedness, chance = _orientation(sample)
    return DatasetFacts(
        images=len(chosen),
        channels=channels,
        size=size,
        background=background,
        noisy=noisy,
        orientation=orientation,
        handedness=handedness,
        chance=chance,
        levels=_levels(sample),
    )


def _sample(images: ArrayLike, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Up to 512 images in runs of 32, which cost as many reads as chunks."""
    if len(rows) <= _SAMPLE:
        blocks = np.array_split(rows, math.ceil(len(rows) / _BLOCK)) if len(rows) else []
    else:
        starts = np.linspace(0, len(rows) - _BLOCK, _SAMPLE // _BLOCK).astype(int)
        blocks = [rows[start : start + _BLOCK] for start in starts]
    read = [
        np.asarray(images[int(block[0]) : int(block[-1]) + 1], dtype=np.float32)[block - block[0]] for block in blocks
    ]
    sample: NDArray[np.float32] = np.concatenate(read) if len(rows) else np.empty((0, *images.shape[1:]), np.float32)
    finite: NDArray[np.float32] = sample[np.isfinite(sample).all(axis=(1, 2, 3))]
    return finite


def _background(sample: NDArray[np.float32]) -> tuple[float, bool]:
    """Share of pixels within the noise of the median of their band, and whether there is noise.

    Noise is what differs from pixel to pixel; a scene differs over more than that, an empty sky does not.
    """
    shares, noisy = [], []
    for band in sample.reshape(-1, *sample.shape[2:]):
        spread = float(band.max() - band.min())
        if spread > 0:
            steps = np.diff(band, axis=1)
            # 1.4826 times the median absolute deviation is the standard deviation of a normal distribution.
            noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
            shares.append(float(np.mean(np.abs(band - np.median(band)) <= max(3 * noise, 0.02 * spread))))
            noisy.append(noise > 0)
    return (float(np.mean(shares)), float(np.mean(noisy)) > 0.5) if shares else (1.0, False)


def _levels(sample: NDArray[np.float32]) -> float:
    """How far apart the background levels of images are: those of most, so that a few odd images do not count.

    The level is the median along the frame, where there is least of a source in the middle.
    """
    if len(sample) < 2:
        return 0.0
    edge = max(1, sample.shape[2] // 16)
    inside = np.zeros(sample.shape[2:], dtype=bool)
    inside[edge:-edge, edge:-edge] = True
    low, high = np.percentile(np.median(sample[:, :, ~inside], axis=2), (16, 84), axis=0)
    spread = sample.std(axis=(0, 2, 3))
    return float(np.mean((high - low) / 2 / np.where(spread > 0, spread, 1)))


def _orientation(sample: NDArray[np.float32]) -> tuple[float, float, float]:
    """What differences between images and their turned, and their mirrored, copies have in common; and chance's part.

    That is zero where the turn does not matter.  How far from zero chance alone brings it is found by turning every
    image at random first.
    """
    if len(sample) < 2 or sample.shape[2] != sample.shape[3]:
        return 0.0, 0.0, 1.0
    coarse = _averaged(sample)
    scale = coarse.std(axis=(1, 2, 3), keepdims=True)
    scale = np.where(scale > 0, scale, 1)
    coarse = (coarse - coarse.mean(axis=(1, 2, 3), keepdims=True)) / scale
    # How the mean of these images changes where it is shifted, seen before pixels are averaged.
    mean = np.asarray(np.tensordot(1 / scale.ravel(), sample, axes=1) / len(sample), np.float32)
    slopes = _averaged(np.stack([np.asarray(np.gradient(mean, axis=axis), np.float32) for axis in (1, 2)]))
    random = np.random.default_rng(0)

    def by_turns(images: NDArray[np.float32]) -> float:
        return max(_common_difference(images, turn, slopes) for turn in (_quarter, _half))

    def turned() -> NDArray[np.float32]:
        turns = random.integers(4, size=len(coarse))
        return np.concatenate([np.rot90(coarse[turns == each], each, axes=(2, 3)) for each in range(4)])

    def mirrored() -> NDArray[np.float32]:
        swap = random.integers(2, size=(len(coarse), 1, 1, 1)) == 1
        return np.asarray(np.where(swap, coarse[..., ::-1], coarse), dtype=np.float32)

    chance = _chance([by_turns(turned()) for _ in range(_NULL_DRAWS)])
    by_chance = _chance([_common_difference(mirrored(), _mirror, slopes) for _ in range(_NULL_DRAWS)])
    orientation, handedness = by_turns(coarse), _common_difference(coarse, _mirror, slopes)
    return orientation if orientation > chance else 0.0, handedness if handedness > by_chance else 0.0, chance


def _quarter(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.rot90(images, 1, axes=(-2, -1))


def _half(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.rot90(images, 2, axes=(-2, -1))


def _mirror(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return images[..., ::-1]


def _chance(draws: list[float]) -> float:
    """Five standard deviations above what random turns give."""
    return float(np.mean(draws) + 5 * np.std(draws))


def _common_difference(images: NDArray[np.float32], turn: Turn, slopes: NDArray[np.float32]) -> float:
    """What differences between images and their turned copies have in common, as a share of their variance.

    A difference that a shift of the mean image explains, by its `slopes` (2, channels, side, side), does not count:
    cutouts are centred on a pixel or between two, and a telescope's bands lie a part of a pixel apart, which shows as a
    difference where the turn is about the frame's centre.
    """
    difference = images - turn(images)
    variance = float(difference.var(axis=0, ddof=1).mean())
    if variance <= 0:
        return 0.0
    common = difference.mean(axis=0)
    shifts = np.concatenate([slopes, turn(slopes)]).reshape(4, len(common), -1)
    rest = []
    for band, flat in enumerate(common.reshape(len(common), -1)):
        shift = shifts[:, band].T
        rest.append(flat - shift @ np.linalg.lstsq(shift, flat, rcond=None)[0])
    return (float(np.square(rest).mean()) - variance / len(images)) / variance


def _averaged(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images averaged down to at most 16 pixels a side; pixels that do not fill a block are cut off."""
    step = max(1, images.shape[2] // _COARSE)
    side = images.shape[2] // step
    cut = images[:, :, : side * step, : side * step]
    averaged = cut.reshape(*cut.shape[:2], side, step, side, step).mean(axis=(3, 5))
    return np.asarray(averaged, dtype=np.float32)
