"""What a number of every image follows: the property of a catalogue that it shows best.

Candidates are the values of each column of groups, the highest and the lowest third of each column of amounts, and such
a third within one value, such as the faint ones of the spirals.  The candidate is chosen by one half of the images and
scored by the other, so that the score of the best of many is not too good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Followed", "Property", "properties_of", "what_follows"]

_FEWEST, _MOST_VALUES = 16, 30


@dataclass(frozen=True)
class Property:
    """Something that some images have and others do not.

    Attributes
    ----------
    text
        What it is, such as ``class = spiral, r_mag in the highest third``.
    has
        Whether each image has it, bool (n,).
    known
        Images of which that is known, bool (n,).
    """

    text: str
    has: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Followed:
    """The property that a number shows best.

    Attributes
    ----------
    text
        The property.
    auroc
        Chance that an image with the property has the larger number than one without it, by the half of the images
        that did not choose the property.
    p_value
        Chance of such a score without any relation (Mann and Whitney), times the count of numbers (Bonferroni).
    """

    text: str
    auroc: float
    p_value: float


def properties_of(
    groups: Mapping[str, NDArray[np.str_]], amounts: Mapping[str, NDArray[np.float64]]
) -> tuple[Property, ...]:
    """Properties of images.

    Parameters
    ----------
    groups
        Values of each column of groups, (n,), empty where unknown; one of more than 30 values is left out.
    amounts
        Values of each column of numbers, (n,), NaN where unknown.
    """
    found: list[Property] = []
    parts: list[tuple[str, NDArray[np.bool_]]] = []
    for column, values in groups.items():
        known, present = values != "", sorted(set(values) - {""})
        if not 1 < len(present) <= _MOST_VALUES:
            continue
        for value in present:
            found.append(Property(f"{column} = {value}", values == value, known))
            parts.append((f"{column} = {value}, ", values == value))
    for column, numbers in amounts.items():
        known = np.isfinite(numbers)
        found += _thirds(column, numbers, known, "", known)
        for text, part in parts:
            found += _thirds(column, numbers, known & part, text, np.ones(len(numbers), bool))
    return tuple(each for each in found if min(each.has.sum(), (each.known & ~each.has).sum()) >= _FEWEST)


def _thirds(
    column: str, numbers: NDArray[np.float64], of: NDArray[np.bool_], text: str, known: NDArray[np.bool_]
) -> list[Property]:
    if of.sum() < 3 * _FEWEST:
        return []
    low, high = np.percentile(numbers[of], (100 / 3, 200 / 3))
    if low == high:
        return []
    return [
        Property(f"{text}{column} in the lowest third", of & (numbers <= low), known),
        Property(f"{text}{column} in the highest third", of & (numbers >= high), known),
    ]


def what_follows(
    strengths: NDArray[np.float32], properties: Sequence[Property], *, seed: int = 0
) -> tuple[Followed | None, ...]:
    """The property that each of several numbers shows best; None where there is none to show.

    Parameters
    ----------
    strengths
        Numbers of every image, (n, m).
    properties
        Candidates.
    seed
        Of the halves.
    """
    count = strengths.shape[1]
    if not properties:
        return tuple(None for _ in range(count))
    half = np.random.default_rng(seed).permutation(len(strengths)) % 2 == 0
    from scipy.special import ndtr
    from scipy.stats import rankdata  # its import takes 60 MB and seconds

    ranks = rankdata(strengths[half], axis=0)
    chosen = np.argmax([_aurocs(ranks, each, half)[0] for each in properties], axis=0)
    found: list[Followed] = []
    for number in range(count):
        best = properties[int(chosen[number])]
        (auroc,), spread = _aurocs(rankdata(strengths[~half, number : number + 1], axis=0), best, ~half)
        chance = float(2 * ndtr(-abs(auroc - 0.5) / spread)) if spread > 0 else 1.0
        found.append(Followed(best.text, float(auroc), min(1.0, chance * count)))
    return tuple(found)


def _aurocs(ranks: NDArray[np.float64], given: Property, rows: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """Areas (m,), and how much one differs by chance; a half and 0 where one of the two kinds is missing.

    Ranks are those of the given rows.
    """
    known = given.known[rows]
    has = given.has[rows][known]
    with_it, without = int(has.sum()), int((~has).sum())
    if not with_it or not without:
        return np.full(ranks.shape[1], 0.5), 0.0
    if not known.all():
        from scipy.stats import rankdata

        ranks = rankdata(ranks[known], axis=0)
    areas = (ranks[has].sum(axis=0) - with_it * (with_it + 1) / 2) / (with_it * without)
    return areas, float(np.sqrt((with_it + without + 1) / (12 * with_it * without)))
