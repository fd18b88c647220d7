"""How good a space is where no classes are known: what it makes of two views of an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.neighbours import exact_unit_vectors
from lse.errors import InvalidArgumentError
from lse.representation.evaluation.baselines import fitted_pca
from lse.representation.evaluation.comparison import Comparison, compare
from lse.representation.evaluation.nuisances import image_properties
from lse.representation.evaluation.views import natural_views

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Unlabelled", "told_from_others", "views_told_apart"]

# Images of the most equal background that an image is told from, and neighbours that are compared.
_OTHERS = 10


@dataclass(frozen=True)
class Unlabelled:
    """What was found without classes.

    Attributes
    ----------
    nearer
        How often two views of an image lie nearer to each other than to other images of equal background, 0.5 by
        chance: of the ``encoder``, of ``pca`` and of the ``untrained`` network.
    stable
        Share of the ten nearest neighbours that stays when all images are seen in another view.
    comparisons
        Of the encoder with the others, measure ``views``.
    """

    nearer: Mapping[str, float]
    stable: float
    comparisons: tuple[Comparison, ...]

    @property
    def figures(self) -> dict[str, float]:
        """``views_nearer`` of the encoder and of its peers, and ``neighbours_stable``."""
        peers = {f"views_nearer_{name}": share for name, share in self.nearer.items() if name != "encoder"}
        return {"views_nearer": self.nearer["encoder"], **peers, "neighbours_stable": self.stable}


def views_told_apart(
    images: NDArray[np.float32],
    encode: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    method: str,
    settings: Mapping[str, object],
    seed: int,
) -> Unlabelled | None:
    """Tell views of images apart; None where vectors are not finite.

    Parameters
    ----------
    images
        Prepared images (n, channels, size, size), n of two or more.
    encode
        Their vectors (n, dimension).
    method, settings
        How the encoder was trained; an empty method where it was not trained here.
    seed
        Of the views.
    """
    from lse.representation.training.run import untrained

    views = natural_views(images, method=method, settings=settings, seed=seed)
    properties = image_properties(images)
    background = np.concatenate([properties["background_level"], properties["noise"]], axis=1)
    encoders = {"encoder": encode, "pca": fitted_pca(images, seed=seed)}
    try:
        start = untrained(
            images, method=method or "simclr", parameters={**(settings if method else {}), "seed": seed + 1}
        )
        encoders["untrained"] = start.encode
    except InvalidArgumentError:
        pass  # a network of one's own may not be there any more
    told: dict[str, NDArray[np.float64]] = {}
    stable = 0.0
    for name, each in encoders.items():
        first, second = (each(view) for view in views)
        if not (np.isfinite(first).all() and np.isfinite(second).all()):
            return None
        # Cosines about the mean: what all vectors have in common tells nothing.
        first, second = first - first.mean(axis=0), second - second.mean(axis=0)
        told[name] = told_from_others(first, second, background, seed=seed)
        if name == "encoder":
            stable = _stable_neighbours(first, second)
    peers = [name for name in told if name != "encoder"]
    return Unlabelled(
        nearer={name: float(share.mean()) for name, share in told.items()},
        stable=stable,
        comparisons=tuple(compare(told["encoder"], told[peer], measure="views", peer=peer) for peer in peers),
    )


def told_from_others(
    first: NDArray[np.float32], second: NDArray[np.float32], background: NDArray[np.float32], *, seed: int
) -> NDArray[np.float64]:
    """Share of ten other images of equal background that lie farther from each image than its own second view.

    A space that follows the background alone, however well it knows an image again by it, is at chance here.  Equal
    cosines count half.

    Parameters
    ----------
    first, second
        Vectors (n, dimension) of two views.
    background
        Level and noise of each image, (n, numbers).
    seed
        Of the order of images whose background is the same.
    """
    from scipy.stats import rankdata

    ranks = rankdata(background, axis=0) / len(background)
    random = np.random.default_rng(seed)
    one, other = exact_unit_vectors(first), exact_unit_vectors(second)
    own = (one * other).sum(axis=1)
    count = min(_OTHERS, len(one) - 1)
    share = np.empty(len(one))
    for row in range(len(one)):
        distance = np.abs(ranks - ranks[row]).sum(axis=1) + 1e-6 * random.random(len(ranks))
        distance[row] = np.inf
        cosines = one[np.argpartition(distance, count - 1)[:count]] @ one[row]
        share[row] = np.mean((cosines < own[row] - 1e-9) + 0.5 * (np.abs(cosines - own[row]) <= 1e-9))
    return share


def _stable_neighbours(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Share of the ten nearest neighbours by cosine that two views of all images have in common."""
    count = min(_OTHERS, len(first) - 1)
    near = []
    for vectors in (first, second):
        cosines = exact_unit_vectors(vectors) @ exact_unit_vectors(vectors).T
        np.fill_diagonal(cosines, -np.inf)
        near.append(np.argpartition(-cosines, count - 1, axis=1)[:, :count])
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(*near, strict=True)]) / count)
