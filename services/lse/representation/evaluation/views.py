"""Two random views of images, as the method of an encoder would have drawn them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lse.representation.methods import training_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lse.representation.training.augmentation import Augmentation

__all__ = ["natural_views", "two_views"]

_BATCH = 256


def two_views(
    images: NDArray[np.float32], *, method: str, settings: Mapping[str, object], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two views of every image, each of the shape of the images.

    Methods that learn from views draw them as in their training; for all others a view is the image rotated by any
    angle and mirrored at random, or as far as their own parameters of that name allow.

    Parameters
    ----------
    images
        Prepared images (n, channels, size, size).
    method, settings
        How the encoder was trained; an empty method where it was not trained here.
    seed
        Of the views.
    """
    return _drawn(images, _augmentation(method, settings), seed=seed)


def natural_views(
    images: NDArray[np.float32], *, method: str, settings: Mapping[str, object], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two views of every image that differ in what the sky or the camera varies, the same for all methods.

    Gain, level of the background, noise, scale and place; rotated and mirrored as far as the method allows it.
    Parameters are those of `two_views`.
    """
    own = _augmentation(method, settings)
    varied = type(own)(
        rotation=own.rotation,
        flip=own.flip,
        zoom=0.1,
        shift=0.05,
        brightness=0.2,
        colour=0.1 if images.shape[1] > 1 else 0.0,
        offset=0.2,
        noise=1.0,
    )
    return _drawn(images, varied, seed=seed)


def _drawn(
    images: NDArray[np.float32], augmentation: Augmentation, *, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import torch

    from lse.representation.training.augmentation import augment

    # Views are drawn of images as the networks see them, with mean 0 and variance 1 in every band.
    mean = images.mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    std = images.std(axis=(0, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    std = np.where(std > 0, std, np.float32(1))
    generator = torch.Generator().manual_seed(seed)
    drawn: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]] = ([], [])
    with torch.inference_mode():
        for first in range(0, len(images), _BATCH):
            batch = torch.from_numpy((images[first : first + _BATCH] - mean) / std)
            for views in drawn:
                views.append(augment(batch, augmentation, generator).numpy() * std + mean)
    return np.concatenate(drawn[0]), np.concatenate(drawn[1])


def _augmentation(method: str, settings: Mapping[str, object]) -> Augmentation:
    from lse.representation.methods.views import ViewParameters
    from lse.representation.training.augmentation import Augmentation

    parameters = training_parameters(method, settings) if method else None
    if isinstance(parameters, ViewParameters):
        return parameters.augmentation()
    rotation = float(getattr(parameters, "rotation", 180.0))
    flip = bool(getattr(parameters, "flip", True))
    return Augmentation(rotation=rotation, flip=flip, zoom=0, shift=0, brightness=0)
