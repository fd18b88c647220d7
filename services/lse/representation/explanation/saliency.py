"""Why two images are close: how much each pixel of either adds to the cosine similarity of their vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["Saliency", "background_levels", "integrated_gradients", "occlusion"]

# Steps along the path, doubled until the sum rule holds.
_FEWEST_STEPS, _MOST_STEPS = 32, 256
_TOLERANCE = 0.005
_BATCH = 16
# An image is hidden by windows of a quarter of its side, half a window apart.
_WINDOWS = 4


@dataclass(frozen=True)
class Saliency:
    """What the pixels of two images add to their similarity.

    Attributes
    ----------
    attributions
        Shape (2, channels, height, width), float32: what each pixel adds; negative where it makes them differ.
    cosine
        Cosine similarity of the two vectors.
    baseline_cosines
        Cosine similarity when the first, or the second, image is empty and the other is as it is.
    band_shares
        Share of each band in the attributions, whatever their sign.
    method
        How it was found, in a sentence.
    """

    attributions: NDArray[np.float32]
    cosine: float
    baseline_cosines: tuple[float, float]
    band_shares: tuple[float, ...]
    method: str


def background_levels(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Background of each image in each band: the median of its outermost tenth on every side.

    Parameters
    ----------
    images
        Shape (n, channels, height, width).

    Returns
    -------
    levels
        Shape (n, channels, 1, 1), float32.
    """
    height, width = images.shape[2:]
    border = np.ones((height, width), bool)
    rows, columns = max(1, height // 10), max(1, width // 10)
    border[rows : height - rows, columns : width - columns] = False
    levels: NDArray[np.float32] = np.median(images[:, :, border], axis=2).astype(np.float32)[:, :, None, None]
    return levels


def integrated_gradients(encoder: nn.Module, images: NDArray[np.float32]) -> Saliency:
    """Attribute the similarity of two images by integrated gradients.

    Each image in turn is faded in from an empty image at the level of its own background, while the other is as it
    is: what its pixels add sums up to the similarity minus that of the empty image with the other.  (Fading in both at
    once would start from two equal, empty images, whose similarity is 1, and explain nothing but differences.)

    Parameters
    ----------
    encoder
        Prepared images to vectors; on the CPU, in evaluation mode.
    images
        The two, shape (2, channels, height, width), float32.

    Notes
    -----
    The method is that of Sundararajan, Taly and Yan (2017, ICML, 3319), as captum has it, by Gauss-Legendre quadrature.
    The steps are doubled, to 256 at most, until the sum rule holds to 0.005.
    """
    import torch
    from captum.attr import IntegratedGradients
    from torch.nn import functional

    pair = torch.from_numpy(np.ascontiguousarray(images))
    empty = torch.from_numpy(np.broadcast_to(background_levels(images), images.shape).copy())
    with torch.no_grad():
        vectors, baselines = encoder(pair), encoder(empty)
    cosine = float(functional.cosine_similarity(vectors[:1], vectors[1:]))
    attributions, lacking = [], 0.0
    for own, other in ((0, 1), (1, 0)):

        def similarity(batch: Tensor, target: Tensor = vectors[other : other + 1]) -> Tensor:
            return functional.cosine_similarity(encoder(batch), target)

        method: Any = IntegratedGradients(similarity)
        steps = _FEWEST_STEPS
        while True:
            found, delta = method.attribute(
                pair[own : own + 1].clone().requires_grad_(),
                baselines=empty[own : own + 1],
                n_steps=steps,
                internal_batch_size=_BATCH,
                return_convergence_delta=True,
            )
            error = float(delta.abs().max())
            if error <= _TOLERANCE or steps >= _MOST_STEPS:
                break
            steps *= 2
        attributions.append(found.detach().numpy()[0])
        lacking = max(lacking, error)
    empties = functional.cosine_similarity(baselines, vectors.flip(0))
    return _saliency(
        np.stack(attributions),
        cosine=cosine,
        baseline_cosines=(float(empties[0]), float(empties[1])),
        method="Integrated gradients of the cosine similarity, each image faded in from the level of its own "
        "background (median of its border, by band) while the other is kept; "
        f"the sum rule holds to {max(lacking, 1e-4):.1g}.",
    )


def occlusion(encode: Callable[[NDArray[np.float32]], NDArray[np.float32]], images: NDArray[np.float32]) -> Saliency:
    """Attribute the similarity of two images by hiding parts of them, for encoders whose inside is not known.

    Parameters
    ----------
    encode
        Vectors (n, D) of prepared images.
    images
        The two, shape (2, channels, height, width), float32.

    Notes
    -----
    The method is that of Zeiler and Fergus (2014, ECCV, 818), as captum has it: what a pixel adds is the mean loss of
    similarity over the windows that hide it.  These do not sum up to the similarity.
    """
    import torch
    from captum.attr import Occlusion

    levels = background_levels(images)
    vectors = encode(images)
    baselines = encode(np.broadcast_to(levels, images.shape).astype(np.float32))
    side = max(2, min(images.shape[2:]) // _WINDOWS)
    attributions = []
    for own, other in ((0, 1), (1, 0)):

        def similarity(batch: Tensor, target: NDArray[np.float32] = vectors[other]) -> Tensor:
            return torch.from_numpy(_cosines(encode(batch.contiguous().numpy()), target))

        method: Any = Occlusion(similarity)
        found = method.attribute(
            torch.from_numpy(np.ascontiguousarray(images[own : own + 1])),
            sliding_window_shapes=(1, side, side),
            strides=(1, max(1, side // 2), max(1, side // 2)),
            baselines=torch.from_numpy(np.broadcast_to(levels[own : own + 1], (1, *images.shape[1:])).copy()),
            perturbations_per_eval=4 * _BATCH,
        )
        attributions.append(found.numpy()[0])
    return _saliency(
        np.stack(attributions).astype(np.float32),
        cosine=float(_cosines(vectors[:1], vectors[1])[0]),
        baseline_cosines=(
            float(_cosines(baselines[:1], vectors[1])[0]),
            float(_cosines(baselines[1:], vectors[0])[0]),
        ),
        method=f"Occlusion, because the network of this encoder is not known: the mean loss of cosine similarity when "
        f"windows of {side} pixels take the level of the background, by band; it does not sum up to the similarity.",
    )


def _cosines(vectors: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(target)
    cosines: NDArray[np.float32] = (vectors @ target / np.maximum(lengths, 1e-12)).astype(np.float32)
    return cosines


def _saliency(
    attributions: NDArray[np.float32], *, cosine: float, baseline_cosines: tuple[float, float], method: str
) -> Saliency:
    amounts = np.abs(attributions).sum(axis=(0, 2, 3), dtype=np.float64)
    total = amounts.sum()
    # Where nothing adds anything, as between two empty images, no band stands out.
    shares = amounts / total if total > 0 else np.full(len(amounts), 1 / len(amounts))
    return Saliency(attributions, cosine, baseline_cosines, tuple(float(share) for share in shares), method)
