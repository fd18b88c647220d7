"""How far experts agree on classes: Cohen's kappa of each two, Krippendorff's alpha of all, images in dispute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Agreement", "PairAgreement", "agreement", "cohen_kappa", "krippendorff_alpha"]


@dataclass(frozen=True)
class PairAgreement:
    """How two experts agree.

    Attributes
    ----------
    first, second
        Their names.
    images
        Images that both labelled.
    agreement
        Share of these of which they said the same; None where there are none.
    kappa
        Cohen's kappa; None where chance alone would always agree, or there are no images.
    """

    first: str
    second: str
    images: int
    agreement: float | None
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """How experts agree.

    Attributes
    ----------
    experts
        Their names.
    images, shared_images
        Images that each labelled, and how many of these others labelled, too.
    pairs
        Each two of them.
    shared
        Images that more than one labelled.
    alpha
        Krippendorff's alpha; None where nothing can disagree.
    disputed
        Rows of the images of which not all said the same, those with the largest share of votes against the commonest
        class first.
    """

    experts: tuple[str, ...]
    images: tuple[int, ...]
    shared_images: tuple[int, ...]
    pairs: tuple[PairAgreement, ...]
    shared: int
    alpha: float | None
    disputed: NDArray[np.int64]


def agreement(rows: NDArray[np.int64], labels: Sequence[str], authors: Sequence[str]) -> Agreement:
    """Compare what experts said, at most one label an image and expert.

    Parameters
    ----------
    rows, labels, authors
        Image, class and expert of each label.
    """
    experts, who = np.unique(np.asarray(authors, dtype=str), return_inverse=True)
    images, which = np.unique(rows, return_inverse=True)
    classes, said = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    table = np.full((len(images), len(experts)), -1, dtype=np.int64)
    table[which, who] = said
    votes = np.zeros((len(images), len(classes)), dtype=np.int64)
    np.add.at(votes, (which, said), 1)
    given = votes.sum(axis=1)
    shared = given > 1
    against = given - (votes.max(axis=1) if len(classes) else 0)
    disputed = np.flatnonzero(against > 0)
    order = np.argsort(-against[disputed] / given[disputed], kind="stable")
    pairs = []
    for one, other in combinations(range(len(experts)), 2):
        both = (table[:, one] >= 0) & (table[:, other] >= 0)
        first, second = table[both, one], table[both, other]
        share = float((first == second).mean()) if len(first) else None
        pairs.append(
            PairAgreement(
                str(experts[one]), str(experts[other]), len(first), share, cohen_kappa(first, second, len(classes))
            )
        )
    return Agreement(
        experts=tuple(str(name) for name in experts),
        images=tuple(int(count) for count in (table >= 0).sum(axis=0)),
        shared_images=tuple(int(count) for count in (table[shared] >= 0).sum(axis=0)),
        pairs=tuple(pairs),
        shared=int(shared.sum()),
        alpha=krippendorff_alpha(votes),
        disputed=images[disputed[order]].astype(np.int64),
    )


def cohen_kappa(first: NDArray[np.int64], second: NDArray[np.int64], classes: int) -> float | None:
    """Cohen's kappa of two experts: agreement beyond that of chance, as a share of what is possible.

    Parameters
    ----------
    first, second
        What each said of the same images, as numbers of classes.
    classes
        Number of classes.

    Returns
    -------
    float or None
        1 is full agreement, 0 that of chance; None where chance alone would always agree.

    References
    ----------
    Cohen, J. (1960), Educational and Psychological Measurement 20, 37.
    """
    if not len(first):
        return None
    shares = [np.bincount(each, minlength=classes) / len(each) for each in (first, second)]
    expected = float(shares[0] @ shares[1])
    return None if expected >= 1 else float(((first == second).mean() - expected) / (1 - expected))


def krippendorff_alpha(votes: NDArray[np.int64]) -> float | None:
    """Krippendorff's alpha of names; images with one label count for nothing, and experts may have left images out.

    Parameters
    ----------
    votes
        Labels of each class that each image has; shape ``(images, classes)``.

    Returns
    -------
    float or None
        1 is full agreement, 0 that of chance; None where fewer than two classes were given to images with several
        labels, so that nothing can disagree.

    References
    ----------
    Krippendorff, K. (2011), Computing Krippendorff's Alpha-Reliability, University of Pennsylvania.
    """
    counts = votes[votes.sum(axis=1) > 1].astype(np.float64)
    of_class, pairable = counts.sum(axis=0), counts.sum()
    expected = pairable**2 - (of_class**2).sum()
    if expected <= 0:
        return None
    given = counts.sum(axis=1)
    observed = ((given**2 - (counts**2).sum(axis=1)) / (given - 1)).sum()
    return float(1 - (pairable - 1) * observed / expected)
