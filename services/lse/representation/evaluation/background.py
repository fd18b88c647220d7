"""Background level and noise of images, measured so that the sources in them hardly count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["background_level", "background_noise"]

# The standard deviation of a normal distribution, over its median absolute deviation.
_NORMAL = 1.4826
# Pixels between two whose noise has nothing to do with each other: beams and resampling reach about five.
_APART = 8


def background_level(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Background of each band, (n, channels): the mean of the pixels within three sigma of the median.

    Sigma comes from the median absolute deviation, so that bright sources widen it little.

    Parameters
    ----------
    images
        Shape (n, channels, height, width).
    """
    flat = images.reshape(*images.shape[:2], -1)
    distance = np.abs(flat - np.median(flat, axis=2, keepdims=True))
    near = distance <= 3 * _NORMAL * np.median(distance, axis=2, keepdims=True)
    return np.asarray(np.mean(flat, axis=2, where=near, dtype=np.float64), dtype=np.float32)


def background_noise(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation of the noise of each band, (n, channels), from differences of pixels some way apart.

    A beam, a point-spread function or a resampling correlates pixels with their neighbours, so that what is left after
    a local mean is taken off is only a part of the noise.  Differences over eight pixels, which is farther than such
    correlations reach, have twice its variance.  They are taken in the outer quarters of an image, where sources hardly
    reach; their median absolute deviation about the median leaves out those that do, and a gradient with them.  The
    noise is 0 where most pixels are equal, as in a picture on a plain background.

    Parameters
    ----------
    images
        Shape (n, channels, height, width).
    """
    deviations = [_deviation_of_differences(np.moveaxis(images, axis, 3)) for axis in (2, 3)]
    return np.asarray(_NORMAL / math.sqrt(2) * np.mean(deviations, axis=0), dtype=np.float32)


def _deviation_of_differences(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median absolute deviation (n, channels) of differences along the last axis, in outer quarters of the other."""
    lines, length = images.shape[-2:]
    apart = max(1, min(_APART, length // 4))
    outer = np.r_[: max(1, lines // 4), lines - max(1, lines // 4) : lines]
    strips = images[:, :, outer]
    differences = (strips[..., apart:] - strips[..., :-apart]).reshape(*images.shape[:2], -1)
    middle = np.median(differences, axis=2, keepdims=True)
    deviation: NDArray[np.float32] = np.median(np.abs(differences - middle), axis=2)
    return deviation
