"""One judgement of an encoder: images and whatever is known of them in, all figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import InvalidArgumentError
from lse.representation.evaluation.class_scores import ClassScores, Keep, Pixels, score_against_classes
from lse.representation.evaluation.comparison import Comparison
from lse.representation.evaluation.labelled import scorable_rows
from lse.representation.evaluation.nuisances import Nuisance
from lse.representation.evaluation.robustness import Robustness
from lse.representation.evaluation.space import Redraw, Space
from lse.representation.evaluation.verdict import Evidence
from lse.representation.evaluation.work import Bounds, Encode, Work, sampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.training.images import ArrayLike

__all__ = ["Bounds", "Encode", "Judgement", "Known", "Redraw", "judge", "judge_briefly"]

_BOUNDS = Bounds()
# Images that a brief judgement looks at.
_BRIEFLY = 500


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
        Of the space, see `Space`.
    robustness
        Under each change.
    nuisances
        By how much of the variance they explain.
    comparisons
        With pixel PCA and an untrained network: against classes, or without them by views of images.
    notes
        Warnings, and what was left out.
    """

    images: int
    scores: ClassScores | None
    figures: Mapping[str, float]
    robustness: tuple[Robustness, ...]
    nuisances: tuple[Nuisance, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def evidence(self) -> Evidence:
        """What a verdict is drawn from."""
        return Evidence(
            comparisons=self.comparisons,
            nuisances=self.nuisances,
            nuisances_together=self.figures.get("nuisances_variance_explained"),
            collapsed=bool(self.figures["collapsed"]),
        )


def judge(
    images: ArrayLike,
    encode: Encode,
    *,
    known: Known = Known(),
    method: str = "",
    settings: Mapping[str, object] | None = None,
    redraw: Redraw | None = None,
    held_out: NDArray[np.int64] | None = None,
    bounds: Bounds = _BOUNDS,
    seed: int = 0,
    identity: str = "",
    keep: Keep | None = None,
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
    identity
        Text that is the same for the same images alone.
    keep
        Where the predictions of baselines are kept from one evaluation of the images to the next; nowhere when None.
    on_progress, should_stop
        Called between batches.

    Raises
    ------
    InvalidArgumentError
        If there are classes and fewer than two of them can be scored.
    CancelledError
        When asked to stop.
    """
    work = Work(images, encode, bounds, on_progress, should_stop)
    notes: list[str] = []
    chosen, classes, left_out = _with_classes(work, known, seed=seed)
    sample = sampled(images.shape[0], bounds.images, seed=seed)
    if len(sample) < images.shape[0]:
        notes.append(f"The space was judged on a random sample of {len(sample)} of {images.shape[0]} images.")
    encoded = np.union1d(chosen, sample)
    audited = sampled(len(sample), bounds.audited, seed=seed)
    vectors, properties = work.encode_rows(encoded, measured=sample[audited])
    of_sample = vectors[np.searchsorted(encoded, sample)]
    scores = None
    if known.classes is not None:
        scores = score_against_classes(
            vectors[np.searchsorted(encoded, chosen)],
            classes,
            pixels=Pixels(lambda: work.read(chosen), f"{identity} {chosen.tolist()}", keep),
            split=None if known.split is None else [known.split[int(row)] for row in chosen],
            method=method,
            settings=settings or {},
            seed=seed,
            starts=work.starts,
        )
        notes += [*left_out, *scores.notes]
    space = Space(work, sample, of_sample, notes, seed=seed)
    if space.finite:
        space.change()
        space.view(method, settings or {}, compare=scores is None)
        space.redraw(redraw, held_out)
        properties |= {key: numbers[sample[audited]] for key, numbers in known.properties.items()}
        space.audit(audited, properties)
    return Judgement(
        images=scores.images if scores is not None else len(sample),
        scores=scores,
        figures=space.figures,
        robustness=tuple(space.changes),
        nuisances=space.nuisances,
        comparisons=space.comparisons if scores is None else scores.comparisons,
        notes=tuple(dict.fromkeys(notes)),
    )


def judge_briefly(
    images: ArrayLike,
    encode: Encode,
    *,
    method: str,
    settings: Mapping[str, object],
    most: int = _BRIEFLY,
    seed: int = 0,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> Judgement:
    """Judge an encoder without classes on some hundred images, by views and nuisances alone, in seconds.

    Parameters are those of `judge`; `most` images are encoded, and two views of each.
    """
    work = Work(images, encode, Bounds(changed=most), on_progress, should_stop)
    notes: list[str] = []
    sample = sampled(images.shape[0], most, seed=seed)
    vectors, properties = work.encode_rows(sample, measured=sample)
    space = Space(work, sample, vectors, notes, seed=seed)
    if space.finite:
        space.tell_views_apart(method, settings)
        space.audit(np.arange(len(sample)), properties)
    return Judgement(
        images=len(sample),
        scores=None,
        figures=space.figures,
        robustness=(),
        nuisances=space.nuisances,
        comparisons=space.comparisons,
        notes=tuple(dict.fromkeys(notes)),
    )


def _with_classes(work: Work, known: Known, *, seed: int) -> tuple[NDArray[np.intp], NDArray[np.str_], tuple[str, ...]]:
    """Rows that are scored against classes, their classes, and what was left out."""
    if known.classes is None:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.str_), ()
    most = min(work.bounds.images, max(1000, work.bounds.pixel_bytes // work.image_bytes))
    rows, classes, notes = scorable_rows(known.classes, folds=5, seed=seed, max_images=most)
    if len(np.unique(classes)) < 2:
        raise InvalidArgumentError(
            " ".join([*notes, "Fewer than two classes have enough images."]), reason="CLASSES_TOO_FEW"
        )
    return rows, classes, notes
