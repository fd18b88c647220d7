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
    """Standard deviation of the noise of each band, (n, channels), from the residual of a local mean.

    The median absolute deviation of the residual leaves sources out.  It is 0 for images most of whose pixels are
    equal to their surroundings, such as a picture on a plain background.

    Parameters
    ----------
    images
        Shape (n, channels, height, width).
    """
    from scipy import ndimage

    residual = images - ndimage.uniform_filter(images, (0, 0, 3, 3), mode="nearest")
    flat = residual.reshape(*images.shape[:2], -1)
    deviation = np.median(np.abs(flat - np.median(flat, axis=2, keepdims=True)), axis=2)
    # A pixel less the mean of the nine around it has 8/9 of the variance of white noise.
    return np.asarray(_NORMAL * math.sqrt(9 / 8) * deviation, dtype=np.float32)
