"""Scores against classes: of an encoder, and of representations that nobody had to learn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lse.errors import InvalidArgumentError
from lse.representation.evaluation.baselines import PEERS, representation
from lse.representation.evaluation.comparison import Comparison, compare
from lse.representation.evaluation.labelled import (
    Learn,
    balanced_accuracy,
    predicted_in_folds,
    split_rows,
    stratified_sample,
)
from lse.representation.evaluation.neighbours import nearest_neighbours
from lse.representation.prediction.linear_probe import linear_probe
from lse.values import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ClassRecall", "ClassScores", "Keep", "Pixels", "score_against_classes"]

_FOLDS = 5
# Images that a probe is scored on at most: so many take some seconds a representation.
_PROBE_IMAGES = 2_500
# To be raised when baselines are computed in another way, so that what was kept is not used again.
_BASELINES = 1

# Predicted class of each image as an index, by measure: over folds (``knn``, ``linear_probe``), and over the given
# split (``split_knn``, ``split_linear_probe``).
_Predicted = dict[str, "NDArray[np.int32]"]


class Keep(Protocol):
    """Where the predictions of baselines are kept between evaluations of a dataset."""

    def read(self, key: str) -> Mapping[str, NDArray[np.int32]] | None:
        """What was written under a key; None where nothing was."""
        ...

    def write(self, key: str, arrays: Mapping[str, NDArray[np.int32]]) -> None:
        """Keep arrays under a key."""
        ...


@dataclass(frozen=True)
class Pixels:
    """Images that baselines are made of.

    Attributes
    ----------
    read
        Reads the prepared images, (n, channels, size, size).
    identity
        Text that is the same for the same images alone.
    keep
        Where the predictions of the baselines are kept; nowhere when None.
    """

    read: Callable[[], NDArray[np.float32]]
    identity: str = ""
    keep: Keep | None = None


@dataclass(frozen=True)
class ClassRecall:
    """How well one class is recognised.

    Attributes
    ----------
    label
        The class.
    image_count
        Its images that were scored.
    knn, linear_probe
        Share of them that is recognised; None where it was not scored.
    """

    label: str
    image_count: int
    knn: float | None
    linear_probe: float | None


@dataclass(frozen=True)
class ClassScores:
    """Balanced accuracies of an encoder (``encoder``) and of its baselines, by name.

    Attributes
    ----------
    images
        Images scored.
    recalls
        Their classes, and how well the encoder tells each.
    knn, linear_probe
        Of the 20 nearest neighbours by cosine, and of a linear probe, in five stratified folds; baselines are
        ``chance``, ``pixels``, ``pca`` and ``untrained``.
    split_knn, split_linear_probe
        The same, learnt from the training part of the catalogue's own split and scored on its test part; empty where
        there is no split.
    comparisons
        With ``pca`` and ``untrained``, by both measures over the folds.
    notes
        What was left out and why.
    """

    images: int
    recalls: tuple[ClassRecall, ...]
    knn: Mapping[str, float]
    linear_probe: Mapping[str, float]
    split_knn: Mapping[str, float]
    split_linear_probe: Mapping[str, float]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that were scored."""
        return tuple(each.label for each in self.recalls)


def score_against_classes(
    vectors: NDArray[np.float32],
    classes: NDArray[np.str_],
    *,
    pixels: Pixels,
    split: Sequence[object] | None = None,
    method: str = "",
    settings: Mapping[str, object] | None = None,
    seed: int = 0,
    starts: Callable[[str], None] | None = None,
) -> ClassScores:
    """Score vectors and baselines on the same images, in the same folds.

    Parameters
    ----------
    vectors, classes
        Shapes (n, dimension) and (n,), of images that can be scored (see `scorable_rows`), of two classes or more.
    pixels
        Their prepared images.
    split
        Values of the catalogue's split.
    method, settings
        Whose encoder is taken untrained; the default network of SimCLR where the method is empty.
    seed
        Of folds and untrained weights.
    starts
        Called with the name of every stage; may raise to end the work.
    """
    finite = np.asarray(np.isfinite(vectors).all(axis=1))
    scorer = _Scorer(classes, split, seed=seed, starts=starts)
    if not finite.all():
        scorer.notes.append(
            f"{counted(int((~finite).sum()), 'vector is', 'vectors are')} not finite and zero in the scores."
        )
        vectors = np.where(finite[:, None], vectors, 0)
    predicted = {"encoder": scorer.predict("encoder", vectors)}
    network, parameters = method or "simclr", dict(settings or {}) if method else {}
    images: list[NDArray[np.float32]] = []  # read once, and only where something was not kept

    def compute(name: str) -> _Predicted:
        if not images:
            images.append(pixels.read())
        return scorer.predict(name, representation(name, images[0], method=network, parameters=parameters, seed=seed))

    for name in PEERS:
        of = {"method": network, "parameters": parameters} if name == "untrained" else {}
        key = _key(pixels.identity, name, classes, split, {"seed": seed, **of})
        kept = pixels.keep.read(key) if pixels.keep is not None else None
        try:
            predicted[name] = dict(kept) if kept is not None else compute(name)
        except InvalidArgumentError as error:
            scorer.notes.append(f"There is no untrained network to compare with: {error.message}")
            continue
        if kept is None and pixels.keep is not None:
            pixels.keep.write(key, predicted[name])
    return scorer.scores(predicted)


def _key(
    identity: str, name: str, classes: NDArray[np.str_], split: Sequence[object] | None, of: Mapping[str, object]
) -> str:
    """Key of the predictions of a baseline: all that they depend on."""
    content = [_BASELINES, identity, name, classes.tolist(), None if split is None else [str(each) for each in split]]
    text = json.dumps([*content, of], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class _Scorer:
    """Predicts classes from one representation after the other, all on the same images and folds."""

    def __init__(
        self,
        classes: NDArray[np.str_],
        split: Sequence[object] | None,
        *,
        seed: int,
        starts: Callable[[str], None] | None,
    ) -> None:
        self.notes: list[str] = []
        self._names, self._classes = np.unique(classes, return_inverse=True)
        self._seed = seed
        self._starts = starts
        self._learn: dict[str, Learn] = {"knn": nearest_neighbours(), "linear_probe": linear_probe(seed)}
        every = np.arange(len(classes))
        self._rows = {"knn": every, "linear_probe": self._thinned(every)}
        if len(self._rows["linear_probe"]) < len(classes):
            self.notes.append(
                f"The linear probes were scored on a stratified sample of {len(self._rows['linear_probe'])} of "
                f"{len(classes)} images."
            )
        self._split = None if split is None else self._parts(split)

    def predict(self, name: str, vectors: NDArray[np.float32]) -> _Predicted:
        """Classes that a representation (n, dimension) tells, by measure."""

        def check() -> None:
            if self._starts is not None:
                self._starts(f"scoring {name}")

        found = {}
        for measure, learn in self._learn.items():
            rows = self._rows[measure]
            found[measure] = predicted_in_folds(
                learn, vectors[rows], self._classes[rows], folds=_FOLDS, seed=self._seed, check=check
            )
            if self._split is not None:
                check()
                train, test = self._split
                few = self._thinned(train) if measure == "linear_probe" else train
                found[f"split_{measure}"] = learn(vectors[few], self._classes[few]).predict(vectors[test])
        return {measure: predicted.astype(np.int32) for measure, predicted in found.items()}

    def scores(self, predicted: Mapping[str, _Predicted]) -> ClassScores:
        """What follows from the predictions of all representations."""
        chance = {"chance": 1 / len(self._names)}
        tested = None if self._split is None else self._classes[self._split[1]]
        truth = {measure: self._classes[rows] for measure, rows in self._rows.items()}

        def over_folds(measure: str) -> dict[str, float]:
            scored = {name: balanced_accuracy(truth[measure], each[measure]) for name, each in predicted.items()}
            return chance | scored

        def over_split(measure: str) -> dict[str, float]:
            if tested is None:
                return {}
            scored = {name: balanced_accuracy(tested, each[f"split_{measure}"]) for name, each in predicted.items()}
            return {"chance": 1 / len(np.unique(tested)), **scored}

        hits = {
            name: {measure: each[measure] == truth[measure] for measure in truth} for name, each in predicted.items()
        }
        return ClassScores(
            images=len(self._classes),
            recalls=tuple(
                ClassRecall(
                    str(name),
                    int((self._classes == code).sum()),
                    *(_recall(hits["encoder"][measure], truth[measure] == code) for measure in truth),
                )
                for code, name in enumerate(self._names)
            ),
            knn=over_folds("knn"),
            linear_probe=over_folds("linear_probe"),
            split_knn=over_split("knn"),
            split_linear_probe=over_split("linear_probe"),
            comparisons=tuple(
                compare(
                    hits["encoder"][measure], hits[peer][measure], measure=measure, peer=peer, strata=truth[measure]
                )
                for measure in truth
                for peer in ("pca", "untrained")
                if peer in hits
            ),
            notes=tuple(self.notes),
        )

    def _parts(self, split: Sequence[object]) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        train, test = split_rows(split)
        tested = np.unique(self._classes[test])
        if len(np.unique(self._classes[train])) < 2 or len(tested) < 2:
            self.notes.append("The column 'split' was not used: its parts train and test do not both have two classes.")
            return None
        self.notes.append(
            f"The catalogue's own split was used as well: learnt from {len(train)} images of train, scored on "
            f"{len(test)} of test; the {len(split) - len(train) - len(test)} others are in neither."
        )
        if len(train) > _PROBE_IMAGES:
            self.notes.append(f"Over that split the linear probes learnt from a stratified sample of {_PROBE_IMAGES}.")
        return train, test

    def _thinned(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """A stratified sample of rows, small enough for the probes."""
        if len(rows) <= _PROBE_IMAGES:
            return rows
        return stratified_sample(rows, self._classes, count=_PROBE_IMAGES, least=_FOLDS, seed=self._seed)


def _recall(hits: NDArray[np.bool_], members: NDArray[np.bool_]) -> float | None:
    return float(hits[members].mean()) if members.any() else None
