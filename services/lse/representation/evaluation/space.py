"""What is measured of a space without any classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.neighbours import exact_unit_vectors
from lse.representation.evaluation.geometry import alignment, collapse, uniformity
from lse.representation.evaluation.nuisances import Nuisance, audit
from lse.representation.evaluation.reconstruction import reconstruction
from lse.representation.evaluation.robustness import Robustness, changed_copies, robustness
from lse.representation.evaluation.unlabelled import views_told_apart
from lse.representation.evaluation.views import two_views
from lse.representation.evaluation.work import sampled
from lse.values import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.representation.evaluation.comparison import Comparison
    from lse.representation.evaluation.work import Work

__all__ = ["Redraw", "Space"]

# Images (n, channels, size, size) in the decoder's units, and the same as it draws them from their vectors.
Redraw = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], tuple["NDArray[np.float32]", "NDArray[np.float32]"]]


class Space:
    """What is measured of a space without any classes, step by step.

    Parameters
    ----------
    work
        Reads and encodes.
    sample, vectors
        Ascending rows of the images, and their vectors (n, dimension).
    notes
        Sentences are added to these.
    seed
        Of samples, views and noise.

    Attributes
    ----------
    figures
        ``effective_rank``, ``spread``, ``collapsed`` (0 or 1), ``alignment``, ``uniformity``,
        ``cosine_between_images``, ``nuisances_variance_explained`` and, with a decoder, ``reconstruction_error``,
        ``reconstruction_error_pca`` and, over images held out of the training, ``reconstruction_error_held_out``;
        without classes ``views_nearer``, the same of the baselines, and ``neighbours_stable``, see `Unlabelled`.
    finite
        Whether all vectors are.
    changes, nuisances, comparisons
        As in `Judgement`.
    """

    def __init__(
        self,
        work: Work,
        sample: NDArray[np.intp],
        vectors: NDArray[np.float32],
        notes: list[str],
        *,
        seed: int,
    ) -> None:
        self._work, self._vectors, self._notes, self._seed = work, vectors, notes, seed
        self._few = sampled(len(sample), work.bounds.changed, seed=seed)
        self._rows = sample[self._few]
        found = collapse(vectors)
        if found.collapsed:
            notes.insert(0, found.message)
        self.figures = {
            "effective_rank": found.effective_rank,
            "spread": found.spread,
            "collapsed": float(found.collapsed),
        }
        self.finite = bool(np.isfinite(vectors).all())
        self.changes: list[Robustness] = []
        self.nuisances: tuple[Nuisance, ...] = ()
        self.comparisons: tuple[Comparison, ...] = ()

    def change(self) -> None:
        """Change images as nothing real changes them."""
        work, images, vectors = self._work, self._work.read(self._rows), self._vectors[self._few]
        if len(images) < work.images:
            self._notes.append(
                f"Robustness, alignment and drawing were judged on a random sample of {len(images)} images."
            )
        unit = exact_unit_vectors(vectors)
        # What a similarity of vectors of one image is to be compared with.
        pairs = len(unit) * (len(unit) - 1)
        between = np.square(unit.sum(axis=0)).sum() - np.square(unit).sum()
        self.figures["cosine_between_images"] = float(between / pairs)
        for change, copies, rows in changed_copies(images, seed=self._seed):
            moved = work.encode(copies, stage=f"encoding {change.replace('_', ' ')}")
            self.changes.append(robustness(change, vectors[rows], moved))
            if len(rows) < len(images):
                without = counted(len(images) - len(rows), "image")
                self._notes.append(f"{without} without measurable background noise left out of noise.")
        if not any(each.change.startswith("noise") for each in self.changes):
            self._notes.append("No robustness to noise: the images have no measurable background noise to scale it by.")

    def view(self, method: str, settings: Mapping[str, object], *, compare: bool) -> None:
        """Draw views; where wanted, compare what baselines make of views."""
        work, images = self._work, self._work.read(self._rows)
        work.starts("drawing views")
        first, second = two_views(images, method=method, settings=settings, seed=self._seed)
        one, other = work.encode(first, stage="encoding views"), work.encode(second, stage="encoding views")
        if np.isfinite(one).all() and np.isfinite(other).all():
            self.figures |= {"alignment": alignment(one, other), "uniformity": uniformity(one)}
        if compare:
            self.tell_views_apart(method, settings)

    def tell_views_apart(self, method: str, settings: Mapping[str, object]) -> None:
        """Compare what the encoder and the baselines make of views that differ as the sky and the camera vary."""

        def encode(some: NDArray[np.float32]) -> NDArray[np.float32]:
            return self._work.encode(some, stage="telling views apart")

        images = self._work.read(self._rows)
        told = views_told_apart(images, encode, method=method, settings=settings, seed=self._seed)
        if told is not None:
            self.comparisons = told.comparisons
            self.figures |= told.figures

    def redraw(self, redraw: Redraw | None, held_out: NDArray[np.int64] | None) -> None:
        """Draw images again, where there is a decoder."""
        if redraw is None:
            return
        work = self._work
        self.figures |= _redrawn(work, work.read(self._rows), self._vectors[self._few], redraw)
        if held_out is not None and len(held_out) > 1:
            unseen = work.read(held_out[sampled(len(held_out), work.bounds.changed, seed=self._seed)])
            errors = _redrawn(work, unseen, work.encode(unseen, stage="encoding held-out images"), redraw)
            if errors:
                self.figures["reconstruction_error_held_out"] = errors["reconstruction_error"]

    def audit(self, audited: NDArray[np.intp], properties: Mapping[str, NDArray[np.float32]]) -> None:
        """Audit nuisances on some of the vectors, with properties of their images."""
        self._work.starts("auditing nuisances")
        found = audit(self._vectors[audited], properties, seed=self._seed)
        if found.together is not None:
            self.figures["nuisances_variance_explained"] = found.together
        self._notes += found.notes
        if len(audited) < len(self._vectors):
            self._notes.append(f"Nuisances were audited on a random sample of {len(audited)} images.")
        self.nuisances = found.nuisances


def _redrawn(work: Work, images: NDArray[np.float32], vectors: NDArray[np.float32], redraw: Redraw) -> dict[str, float]:
    work.starts("drawing again")
    real, drawn = redraw(images, vectors)
    errors = reconstruction(real, drawn, dimension=vectors.shape[1])
    if errors is None:
        return {}
    return {"reconstruction_error": errors.error, "reconstruction_error_pca": errors.pca_error}
