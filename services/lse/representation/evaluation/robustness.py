"""How far images move in a space when they are changed as nothing real changes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.neighbours import exact_unit_vectors
from lse.representation.evaluation.background import background_noise

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ANGLE", "NOISE_LEVELS", "Robustness", "changed_copies", "robustness"]

# An angle that is not a multiple of a right one, in degrees.
ANGLE = 30
# Standard deviations of added noise, in units of the background noise of each image.
NOISE_LEVELS = (0.5, 1, 2)
# Standard deviation of the blur, in pixels.
_BLUR = 1.0


@dataclass(frozen=True)
class Robustness:
    """Stability of vectors under one change of the images.

    Attributes
    ----------
    change
        Its name, such as ``rotation_90``.
    cosine
        Mean cosine similarity between the vectors of an image before and after.
    same_image_first
        Share of images whose changed copy is nearer to them, by cosine, than every other image.
    """

    change: str
    cosine: float
    same_image_first: float


def robustness(change: str, before: ArrayLike, after: ArrayLike) -> Robustness:
    """Stability under a change.

    Parameters
    ----------
    change
        Its name.
    before, after
        Vectors (n, dimension) of the images and of their changed copies, n of two or more.
    """
    unit, moved = exact_unit_vectors(before), exact_unit_vectors(after)
    similarity = np.clip((unit * moved).sum(axis=1), -1, 1)
    others = unit @ unit.T
    np.fill_diagonal(others, -np.inf)
    # Where everything is equal but for rounding, nothing is told apart.
    first = similarity > others.max(axis=1) + 1e-9
    return Robustness(change, float(similarity.mean()), float(first.mean()))


def changed_copies(
    images: NDArray[np.float32], *, seed: int
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.intp]]]:
    """Yield every change: its name, the changed copies, and the rows of the images that they are copies of.

    Rotations by right angles and mirror images are exact; a rotation by another angle and a blur are resampled, with
    reflection at the border.  Noise is normally distributed; images without measurable background noise are left out of
    it.

    Parameters
    ----------
    images
        Prepared images, (n, channels, size, size).
    seed
        Of the noise.
    """
    from scipy import ndimage

    every = np.arange(len(images))
    for turns in (1, 2, 3):
        yield f"rotation_{90 * turns}", np.rot90(images, turns, axes=(2, 3)), every
    turned = ndimage.rotate(images, ANGLE, axes=(3, 2), reshape=False, order=1, mode="reflect")
    yield f"rotation_{ANGLE}", turned, every
    yield "flip_horizontal", images[..., ::-1], every
    yield "flip_vertical", images[..., ::-1, :], every
    yield f"blur_{_BLUR:g}", ndimage.gaussian_filter(images, (0, 0, _BLUR, _BLUR), mode="reflect"), every
    noise = background_noise(images)
    noisy = np.flatnonzero((noise > 0).any(axis=1))
    if len(noisy) > 1:
        for level in NOISE_LEVELS:
            yield f"noise_{level:g}", _with_noise(images[noisy], level * noise[noisy], seed), noisy


def _with_noise(images: NDArray[np.float32], amount: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal(images.shape, dtype=np.float32)
    return images + amount[..., None, None] * drawn
