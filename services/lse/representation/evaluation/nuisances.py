"""The nuisance audit: how much of a space follows properties of images that should not matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.representation.evaluation.background import background_level, background_noise
from lse.representation.evaluation.folded_ridge import FoldedRidge

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CONTEXT", "LEVELS", "Audit", "Nuisance", "audit", "image_properties", "is_strong"]

# Properties that may well be real: they are measured for comparison, and neither warned of nor added up.
CONTEXT = ("brightness",)
_LEAST_IMAGES = 20


@dataclass(frozen=True)
class Nuisance:
    """One property of images that should not matter, and how far a space follows it.

    Attributes
    ----------
    key
        The property, such as ``background_level``.
    variance_explained
        Share of the variance of the vectors that a linear fit on the property explains, 0 to 1.
    predictability
        Share of the variance of the property that a linear fit on the vectors explains in held-out folds, 0 to 1: over
        all numbers of the property together.
    largest_predictability
        The same of that number of the property which the vectors show best, such as of one chip of twenty.
    """

    key: str
    variance_explained: float
    predictability: float
    largest_predictability: float


@dataclass(frozen=True)
class Levels:
    """From which figure on a nuisance is warned of.

    Attributes
    ----------
    variance_explained, predictability
        Of one nuisance.
    together
        Variance explained by all nuisances together.
    """

    variance_explained: float = 0.1
    predictability: float = 0.5
    together: float = 0.25


LEVELS = Levels()


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes
    ----------
    nuisances
        By how much of the variance they explain, most first.
    together
        Share of the variance of the vectors that a linear fit on all nuisances together explains; None without any.
    notes
        Warnings, and what was left out.
    """

    nuisances: tuple[Nuisance, ...]
    together: float | None
    notes: tuple[str, ...]


def image_properties(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Properties of prepared images, each (n, numbers), by name.

    - ``background_level``: sigma-clipped mean of each band.
    - ``noise``: standard deviation of the background noise of each band.
    - ``edge_flux``: share of the signal above the background that lies along the border, as of a cut-off source.
    - ``edge_fill``: share of the border that is one constant value in a row, as where an image reaches over the end of
      a chip; a fill with zeros and a filled gap of NaN both look so.
    - ``brightness``: sum of the signal above the background of each band.

    Parameters
    ----------
    images
        Shape (n, channels, size, size), finite.
    """
    level = background_level(images)
    signal = images - level[..., None, None]
    positive = np.maximum(signal, 0).sum(axis=1)
    width = max(1, images.shape[-1] // 16)
    border = np.ones(images.shape[-2:], dtype=bool)
    border[width:-width, width:-width] = False
    total = positive.sum(axis=(1, 2))
    at_edge = positive[:, border].sum(axis=1)
    return {
        "background_level": level,
        "noise": background_noise(images),
        "edge_flux": np.divide(at_edge, total, out=np.zeros_like(total), where=total > 0)[:, None],
        "edge_fill": _constant_border(images)[:, None],
        "brightness": signal.sum(axis=(2, 3)),
    }


def is_strong(nuisance: Mapping[str, Any]) -> bool:
    """Whether a nuisance, as a mapping with the fields of `Nuisance`, is warned of."""
    return nuisance["key"] not in CONTEXT and (
        nuisance["variance_explained"] >= LEVELS.variance_explained
        or max(nuisance["predictability"], nuisance["largest_predictability"]) >= LEVELS.predictability
    )


def audit(vectors: ArrayLike, properties: Mapping[str, NDArray[np.float32]], *, seed: int = 0) -> Audit:
    """How far vectors follow properties of their images.

    Every number of a property counts by its rank among the images (as the quantile of a normal distribution), so that a
    few extreme images do not decide.  Variance explained is adjusted for the count of numbers fitted, so that a
    property which is pure chance explains 0 on average; predictability is that of ridge regression in five folds.

    Parameters
    ----------
    vectors
        Shape (n, dimension).
    properties
        Shape (n, numbers) each, by name; NaN where not known.  Those in `CONTEXT` are measured, not warned of.
    seed
        Of the folds.
    """
    values = np.asarray(vectors, dtype=np.float64)
    found: list[Nuisance] = []
    notes: list[str] = []
    constant: list[str] = []
    ridges: dict[bytes, FoldedRidge] = {}
    columns: dict[str, NDArray[np.float64]] = {}
    for key, numbers in properties.items():
        known = np.isfinite(numbers).all(axis=1)
        if known.sum() < _LEAST_IMAGES:
            notes.append(f"The {_named(key)} was not audited: it is known of {known.sum()} images only.")
            continue
        ranks = _ranks(numbers[known])
        if ranks.shape[1] == 0:
            constant.append(_named(key))
            continue
        if known.sum() < len(values):
            notes.append(
                f"The {_named(key)} is known of {known.sum()} of {len(values)} images and was audited on them."
            )
        else:
            columns[key] = ranks
        same = known.tobytes()
        if same not in ridges:
            ridges[same] = FoldedRidge(values[known], seed=seed)
        predicted, largest = _predictability(ridges[same], ranks)
        found.append(Nuisance(key, _explained(values[known], ranks), predicted, largest))
    if constant:
        notes.append(f"Not audited, being the same for all images: {', '.join(constant)}.")
    found.sort(key=lambda nuisance: -nuisance.variance_explained)
    counted = [numbers for key, numbers in columns.items() if key not in CONTEXT]
    together = _explained(values, np.concatenate(counted, axis=1)) if counted else None
    return Audit(tuple(found), together, (*_warnings(found, together), *notes))


def _warnings(found: list[Nuisance], together: float | None) -> list[str]:
    warnings = []
    for nuisance in found:
        if is_strong(asdict(nuisance)):
            explained, predicted = nuisance.variance_explained, nuisance.predictability
            largest = nuisance.largest_predictability
            best = f" ({largest:.0%} of the one of its numbers that shows best)" if largest > predicted + 0.01 else ""
            warnings.append(
                f"The space follows a nuisance: {_named(nuisance.key)} explains {explained:.0%} of the variance of the "
                f"vectors, and the vectors predict {predicted:.0%} of it{best} (warned of from "
                f"{LEVELS.variance_explained:.0%} and {LEVELS.predictability:.0%})."
            )
    if together is not None and together >= LEVELS.together:
        warnings.append(
            f"All nuisances together explain {together:.0%} of the variance of the vectors (warned of from "
            f"{LEVELS.together:.0%})."
        )
    return warnings


def _named(key: str) -> str:
    return key.replace("_", " ")


def _ranks(numbers: NDArray[np.float32]) -> NDArray[np.float64]:
    """Columns that vary, as quantiles of a normal distribution by rank; equal numbers have equal ranks."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    varying = numbers[:, (numbers != numbers[:1]).any(axis=0)]
    if varying.shape[1] == 0:
        return np.zeros((len(numbers), 0))
    quantiles: NDArray[np.float64] = ndtri((rankdata(varying, axis=0) - 0.5) / len(varying))
    return quantiles


def _explained(vectors: NDArray[np.float64], ranks: NDArray[np.float64]) -> float:
    """Adjusted share of the variance of vectors (n, dimension) that a linear fit on ranks (n, numbers) explains."""
    centred = vectors - vectors.mean(axis=0)
    total = float(np.square(centred).sum())
    if total <= 0:
        return 0.0
    basis, strength, _ = np.linalg.svd(ranks - ranks.mean(axis=0), full_matrices=False)
    basis = basis[:, strength > 1e-9 * strength.max()]
    free = len(vectors) - 1 - basis.shape[1]
    if free <= 0:
        return 0.0
    share = float(np.square(basis.T @ centred).sum()) / total
    return float(np.clip(1 - (1 - share) * (len(vectors) - 1) / free, 0, 1))


def _predictability(ridge: FoldedRidge, ranks: NDArray[np.float64]) -> tuple[float, float]:
    """Share of the variance of ranks (n, numbers) that vectors tell: of all numbers, and of the best of them."""
    from sklearn.metrics import r2_score

    predicted = ridge.predict(ranks)
    together = r2_score(ranks, predicted, multioutput="variance_weighted")
    each = r2_score(ranks, predicted, multioutput="raw_values")
    return float(np.clip(together, 0, 1)), float(np.clip(each.max(), 0, 1))


def _constant_border(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of the outermost pixels that are, in every band, equal to both of their neighbours along the border."""
    ring = np.concatenate(
        [images[..., 0, :-1], images[..., :-1, -1], images[..., -1, :0:-1], images[..., :0:-1, 0]], axis=2
    )
    same = (ring == np.roll(ring, 1, axis=2)) & (ring == np.roll(ring, -1, axis=2))
    share: NDArray[np.float32] = same.all(axis=1).mean(axis=1, dtype=np.float32)
    return share
