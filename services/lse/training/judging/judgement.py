"""One judgement of an encoder: images and whatever is known of them in, all figures out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.errors import CancelledError, InvalidArgumentError
from lse.platform.progress import Progress
from lse.training.judging.class_scores import ClassScores, score_against_classes
from lse.training.judging.geometry import alignment, collapse, uniformity, unit_vectors
from lse.training.judging.labelled import scorable_rows
from lse.training.judging.nuisances import Nuisance, audit, image_properties
from lse.training.judging.reconstruction import reconstruction
from lse.training.judging.robustness import Robustness, changed_copies, robustness
from lse.training.judging.views import two_views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.platform.progress import ProgressCallback, ShouldStop
    from lse.training.images import ArrayLike

__all__ = ["Bounds", "Encode", "Judgement", "Known", "Redraw", "judge"]

# Vectors (n, dimension) of prepared images (n, channels, size, size), both float32.
Encode = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]
# Images (n, channels, size, size) in the decoder's units, and the same as it draws them from their vectors.
Redraw = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], tuple["NDArray[np.float32]", "NDArray[np.float32]"]]


@dataclass(frozen=True)
class Bounds:
    """Images that each part of a judgement looks at, at most; what is left out is said in a note.

    Attributes
    ----------
    images
        Encoded for the shape of the space, and as many again that have a class.
    changed
        Encoded again after each change, and drawn again.
    audited
        In the nuisance audit.
    pixel_bytes
        Memory of the pixels that stand beside the vectors as a baseline.
    batch
        Encoded at once.
    """

    images: int = 20_000
    changed: int = 1_000
    audited: int = 5_000
    pixel_bytes: int = 1 << 30
    batch: int = 256


@dataclass(frozen=True)
class Known:
    """What is known of the images beside their pixels, a line an image.

    Attributes
    ----------
    classes
        Their classes; None where there are none.
    split
        Values such as ``train`` and ``test``; None where the catalogue has no split.
    properties
        Numbers (n, numbers) that should not matter, by name.
    """

    classes: Sequence[object] | None = None
    split: Sequence[object] | None = None
    properties: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """How good an encoder is.

    Attributes
    ----------
    images
        Images with a class that were scored; where there are no classes, images that were judged.
    scores
        Against classes; None without them.
    figures
        Of the space: ``effective_rank``, ``spread``, ``collapsed`` (0 or 1), ``alignment``, ``uniformity``,
        ``cosine_between_images``, ``nuisances_variance_explained`` and, with a decoder, ``reconstruction_error``,
        ``reconstruction_error_pca`` and, over images held out of the training, ``reconstruction_error_held_out``.
    robustness
        Under each change.
    nuisances
        By how much of the variance they explain.
    notes
        Warnings, and what was left out.
    """

    images: int
    scores: ClassScores | None
    figures: Mapping[str, float]
    robustness: tuple[Robustness, ...]
    nuisances: tuple[Nuisance, ...]
    notes: tuple[str, ...]


def judge(
    images: ArrayLike,
    encode: Encode,
    *,
    known: Known = Known(),
    method: str = "",
    settings: Mapping[str, object] | None = None,
    redraw: Redraw | None = None,
    held_out: NDArray[np.int64] | None = None,
    bounds: Bounds = Bounds(),
    seed: int = 0,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> Judgement:
    """Judge an encoder on images.

    Parameters
    ----------
    images
        Prepared images, shape (n, channels, size, size), n of two or more.
    encode
        The encoder at work.
    known
        What is known of the images.
    method, settings
        How the encoder was trained; an empty method where it was not trained here.
    redraw
        The decoder at work, where there is one.
    held_out
        Ascending rows of the images that the encoder did not learn from, where it learnt from the others.
    bounds
        Most images that are looked at.
    seed
        Of folds, samples, views and noise.
    on_progress, should_stop
        Called between batches.

    Raises
    ------
    InvalidArgumentError
        If there are classes and fewer than two of them can be scored.
    CancelledError
        When asked to stop.
    """
    work = _Work(images, encode, bounds, on_progress, should_stop)
    notes: list[str] = []
    chosen, classes, left_out = _with_classes(work, known, seed=seed)
    sample = _sample(images.shape[0], bounds.images, seed=seed)
    if len(sample) < images.shape[0]:
        notes.append(f"The space was judged on a random sample of {len(sample)} of {images.shape[0]} images.")
    encoded = np.union1d(chosen, sample)
    audited = _sample(len(sample), bounds.audited, seed=seed)
    vectors, properties = work.encode_rows(encoded, measured=sample[audited])
    position = {int(row): place for place, row in enumerate(encoded)}
    of_sample = vectors[[position[int(row)] for row in sample]]

    scores = None
    if known.classes is not None:
        scores = score_against_classes(
            vectors[[position[int(row)] for row in chosen]],
            classes,
            pixels=lambda: work.read(chosen),
            split=None if known.split is None else [known.split[int(row)] for row in chosen],
            method=method,
            settings=settings or {},
            seed=seed,
            starts=work.starts,
        )
        notes += [*left_out, *scores.notes]

    verdict = collapse(of_sample)
    if verdict.collapsed:
        notes.insert(0, verdict.message)
    figures = {
        "effective_rank": verdict.effective_rank,
        "spread": verdict.spread,
        "collapsed": float(verdict.collapsed),
    }
    changes: list[Robustness] = []
    if np.isfinite(of_sample).all():
        few = _sample(len(sample), bounds.changed, seed=seed)
        changes = _changes(work, work.read(sample[few]), of_sample[few], figures, notes, seed=seed)
        figures |= _views(work, work.read(sample[few]), method, settings or {}, seed=seed)
        figures |= _redrawn(work, work.read(sample[few]), of_sample[few], redraw)
        if held_out is not None and len(held_out) > 1:
            unseen = work.read(held_out[_sample(len(held_out), bounds.changed, seed=seed)])
            errors = _redrawn(work, unseen, work.encode(unseen, stage="encoding held-out images"), redraw)
            if errors:
                figures["reconstruction_error_held_out"] = errors["reconstruction_error"]
        work.starts("auditing nuisances")
        properties |= {key: numbers[sample[audited]] for key, numbers in known.properties.items()}
        found = audit(of_sample[audited], properties, seed=seed)
        if found.together is not None:
            figures["nuisances_variance_explained"] = found.together
        notes += found.notes
        if len(audited) < len(sample):
            notes.append(f"Nuisances were audited on a random sample of {len(audited)} images.")
        nuisances = found.nuisances
    else:
        nuisances = ()
    return Judgement(
        images=scores.images if scores is not None else len(sample),
        scores=scores,
        figures=figures,
        robustness=tuple(changes),
        nuisances=nuisances,
        notes=tuple(dict.fromkeys(notes)),
    )


def _with_classes(
    work: _Work, known: Known, *, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.str_], tuple[str, ...]]:
    """Rows that are scored against classes, their classes, and what was left out."""
    if known.classes is None:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.str_), ()
    most = min(work.bounds.images, max(1000, work.bounds.pixel_bytes // work.image_bytes))
    rows, classes, notes = scorable_rows(known.classes, folds=5, seed=seed, max_images=most)
    if len(np.unique(classes)) < 2:
        raise InvalidArgumentError(
            " ".join([*notes, "Fewer than two classes have enough images."]), reason="NO_CLASSES"
        )
    return rows, classes, notes


def _sample(count: int, most: int, *, seed: int) -> NDArray[np.intp]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=most, replace=False))


def _changes(
    work: _Work,
    images: NDArray[np.float32],
    vectors: NDArray[np.float32],
    figures: dict[str, float],
    notes: list[str],
    *,
    seed: int,
) -> list[Robustness]:
    if len(images) < work.images:
        notes.append(f"Robustness, alignment and drawing were judged on a random sample of {len(images)} images.")
    unit = unit_vectors(vectors)
    # What a similarity of vectors of one image is to be compared with.
    pairs = len(unit) * (len(unit) - 1)
    figures["cosine_between_images"] = float((np.square(unit.sum(axis=0)).sum() - np.square(unit).sum()) / pairs)
    found = []
    for change, copies, rows in changed_copies(images, seed=seed):
        moved = work.encode(copies, stage=f"encoding {change.replace('_', ' ')}")
        found.append(robustness(change, vectors[rows], moved))
        if len(rows) < len(images):
            notes.append(
                f"{len(images) - len(rows)} images without measurable background noise were left out of noise."
            )
    if not any(each.change.startswith("noise") for each in found):
        notes.append("No robustness to noise: the images have no measurable background noise to scale it by.")
    return found


def _views(
    work: _Work, images: NDArray[np.float32], method: str, settings: Mapping[str, object], *, seed: int
) -> dict[str, float]:
    work.starts("drawing views")
    first, second = two_views(images, method=method, settings=settings, seed=seed)
    one, other = work.encode(first, stage="encoding views"), work.encode(second, stage="encoding views")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return {}
    return {"alignment": alignment(one, other), "uniformity": uniformity(one)}


def _redrawn(
    work: _Work, images: NDArray[np.float32], vectors: NDArray[np.float32], redraw: Redraw | None
) -> dict[str, float]:
    if redraw is None:
        return {}
    work.starts("drawing again")
    real, drawn = redraw(images, vectors)
    errors = reconstruction(real, drawn, dimension=vectors.shape[1])
    if errors is None:
        return {}
    return {"reconstruction_error": errors.error, "reconstruction_error_pca": errors.pca_error}


class _Work:
    """Reads and encodes images in batches, reports, and stops when asked."""

    def __init__(
        self,
        images: ArrayLike,
        encode: Encode,
        bounds: Bounds,
        on_progress: ProgressCallback | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self.bounds = bounds
        self.images = images.shape[0]
        self.image_bytes = int(np.prod(images.shape[1:])) * 4
        self._array = images
        self._encode = encode
        self._on_progress = on_progress
        self._should_stop = should_stop

    def starts(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Report, and stop when asked."""
        if self._should_stop is not None and self._should_stop():
            raise CancelledError("The evaluation was cancelled.", reason="EVALUATION_CANCELLED")
        if self._on_progress is not None:
            self._on_progress(Progress(stage, done, total, "images" if total else "steps"))

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Images of ascending rows."""
        if len(rows) == self.images:
            return np.asarray(self._array[:], dtype=np.float32)
        # Zarr reads the chunks that have one of the rows, and no other.
        taken = self._array.oindex[rows] if hasattr(self._array, "oindex") else self._array[rows]  # type: ignore[index]
        return np.asarray(taken, dtype=np.float32)

    def encode(self, images: NDArray[np.float32], *, stage: str) -> NDArray[np.float32]:
        """Vectors of images in memory."""
        found = []
        for first in range(0, len(images), self.bounds.batch):
            self.starts(stage, first, len(images))
            found.append(self._encode(np.ascontiguousarray(images[first : first + self.bounds.batch], np.float32)))
        return np.concatenate(found)

    def encode_rows(
        self, rows: NDArray[np.intp], *, measured: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Vectors of ascending rows, and the properties of the measured ones among them."""
        found: list[NDArray[np.float32]] = []
        properties: list[dict[str, NDArray[np.float32]]] = []
        for first in range(0, len(rows), self.bounds.batch):
            self.starts("encoding", first, len(rows))
            batch = rows[first : first + self.bounds.batch]
            images = self.read(batch)
            found.append(self._encode(np.ascontiguousarray(images)))
            if (wanted := np.isin(batch, measured)).any():
                properties.append(image_properties(images[wanted]))
        merged = {key: np.concatenate([each[key] for each in properties]) for key in properties[0]}
        return np.concatenate(found), merged
