"""Concepts of a latent space: directions of which a few at a time make up every vector, and what they follow.

A sparse autoencoder with the k largest activations of a batch (Bussmann, Leask and Nanda 2024, arXiv:2412.06410),
nested dictionaries (Matryoshka: Bussmann et al. 2025, arXiv:2503.17547) and atoms that are mixtures of centres of the
vectors (Fel et al. 2025, arXiv:2502.12892): atoms of free direction followed properties of images no better than random
directions did.  The strength of a concept in an image is the cosine between its vector, less the mean, and the atom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import CancelledError, FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["FEWEST_IMAGES", "Concepts", "learn_concepts"]

FEWEST_IMAGES = 100
# Vectors to learn from, at most, evenly from all; centres; steps; and vectors a step.
_LEARNT, _CENTRES, _STEPS, _BATCH = 20_000, 512, 800, 256
_PREFIXES = (16, 4, 1)  # shares of the dictionary that must do alone
_RATE, _WARM, _FALL = 3e-3, 50, 0.2


@dataclass(frozen=True)
class Concepts:
    """Concepts of a space, those that are active in most images first.

    Attributes
    ----------
    atoms
        Directions of unit length, float32 (m, D).
    centre
        Mean of the vectors, float32 (D,).
    counts
        Images in which each is active, int64 (m,).
    explained
        Share of the variance of the vectors' directions that the active concepts explain.
    """

    atoms: NDArray[np.float32]
    centre: NDArray[np.float32]
    counts: NDArray[np.int64]
    explained: float

    def strengths(self, vectors: NDArray[np.float32], concepts: slice | int = slice(None)) -> NDArray[np.float32]:
        """Strength of concepts, float32 (n, m) from -1 to 1, or (n,) of one, in images with vectors (n, D)."""
        return np.asarray(directions(vectors, self.centre) @ self.atoms[concepts].T, np.float32)


def directions(vectors: NDArray[np.float32], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (n, D) less their centre, of unit length."""
    moved = np.asarray(vectors, np.float32) - centre
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-12), np.float32)


def learn_concepts(
    vectors: NDArray[np.float32],
    *,
    count: int = 256,
    active: int = 3,
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> Concepts:
    """Learn the concepts of a space.

    Parameters
    ----------
    vectors
        Shape (n, D).
    count
        Concepts at most; those that no image has are left out, and few images have fewer.
    active
        Concepts of an image, on average.
    seed
        The same vectors and seed give the same concepts.
    should_stop
        Asked now and then.

    Raises
    ------
    FailedPreconditionError
        ``DATASET_IMAGES_TOO_FEW``.
    CancelledError
        `should_stop` said yes.
    """
    if len(vectors) < FEWEST_IMAGES:
        raise FailedPreconditionError(
            f"{len(vectors)} images are too few to learn concepts from: it takes {FEWEST_IMAGES}.",
            reason="DATASET_IMAGES_TOO_FEW",
        )
    centre = np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)
    rows = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), _LEARNT)).astype(int))
    learnt = directions(vectors[rows], centre)
    atoms, threshold, encode = _fit(learnt, min(count, len(rows) // 4), active, seed=seed, should_stop=should_stop)
    counts, left, whole = np.zeros(len(atoms), np.int64), 0.0, 0.0
    for first in range(0, len(vectors), 4096):
        block = directions(vectors[first : first + 4096], centre)
        code = encode(block)
        code[code < threshold] = 0
        counts += (code > 0).sum(axis=0)
        left += float(((block - code @ atoms) ** 2).sum())
        whole += float((block**2).sum())
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    return Concepts(atoms[order], centre, counts[order], 1 - left / whole)


def _fit(
    points: NDArray[np.float32], count: int, active: int, *, seed: int, should_stop: Callable[[], bool]
) -> tuple[NDArray[np.float32], float, Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    """Atoms, the activation from which a concept is active, and what gives the activations of points."""
    import torch
    from sklearn.cluster import KMeans
    from torch import nn
    from torch.nn import functional

    found = KMeans(min(_CENTRES, len(points) // 3), n_init=1, max_iter=20, random_state=seed).fit(points)
    generator = torch.Generator().manual_seed(seed)
    x, centres = torch.from_numpy(points), torch.from_numpy(found.cluster_centers_.astype(np.float32))
    count = min(count, len(centres))
    order = torch.randperm(len(centres), generator=generator)[:count]
    mixture = torch.full((count, len(centres)), -2.0)
    mixture[torch.arange(count), order] = 6.0
    shares, bias = nn.Parameter(mixture), nn.Parameter(torch.zeros(count))
    readers = nn.Parameter(functional.normalize(centres[order], dim=1))
    optimizer = torch.optim.Adam([shares, readers, bias], lr=_RATE)
    threshold = 0.0
    for step in range(_STEPS):
        if should_stop():
            raise CancelledError("The work was cancelled.")
        optimizer.param_groups[0]["lr"] = _RATE * min(1.0, (step + 1) / _WARM, (_STEPS - step) / (_FALL * _STEPS))
        batch = x[torch.randint(len(x), (_BATCH,), generator=generator)]
        atoms = functional.normalize(torch.softmax(shares, dim=1) @ centres, dim=1)
        code = functional.relu(batch @ readers.T + bias)
        weakest = code.detach().flatten().topk(active * len(batch)).values[-1]
        code = code * (code >= weakest)
        loss = sum(
            (batch - code[:, : max(1, count // share)] @ atoms[: max(1, count // share)]).square().sum(dim=1).mean()
            for share in _PREFIXES
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr] # a sum of tensors
        optimizer.step()
        threshold = float(weakest) if step == 0 else 0.95 * threshold + 0.05 * float(weakest)
    with torch.no_grad():
        atoms = functional.normalize(torch.softmax(shares, dim=1) @ centres, dim=1)
    weights, offsets = readers.detach().numpy(), bias.detach().numpy()
    return atoms.numpy(), threshold, lambda block: np.maximum(block @ weights.T + offsets, 0)
