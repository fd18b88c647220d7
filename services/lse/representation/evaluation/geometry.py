"""The shape of a space: directions that it uses, collapse, alignment and uniformity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.neighbours import exact_unit_vectors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Collapse", "alignment", "collapse", "effective_rank", "uniformity"]


@dataclass(frozen=True)
class Collapse:
    """Whether an encoder gives every image much the same vector.

    Attributes
    ----------
    collapsed
        It does.
    effective_rank
        Directions that the vectors really use.
    spread
        Root mean square distance from the mean vector, relative to the root mean square length.
    message
        One sentence for a person.
    """

    collapsed: bool
    effective_rank: float
    spread: float
    message: str


def effective_rank(vectors: ArrayLike) -> float:
    """Count of directions that vectors (n, dimension) use: exp of the entropy of their normalised singular values.

    Roy & Vetterli 2007, https://ieeexplore.ieee.org/document/7098875.  The mean is taken off first; 0 for vectors that
    are all equal.
    """
    centred = np.asarray(vectors, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    # Singular values of the vectors are the roots of the eigenvalues of their small scatter matrix.
    eigenvalues = np.linalg.eigvalsh(centred.T @ centred)
    singular = np.sqrt(np.maximum(eigenvalues, 0))
    total = singular.sum()
    if total <= 0:
        return 0.0
    share = singular[singular > 0] / total
    return float(np.exp(-(share * np.log(share)).sum()))


def collapse(vectors: ArrayLike, *, minimum_rank: float = 1.5, minimum_spread: float = 1e-3) -> Collapse:
    """Tell whether vectors (n, dimension) are all much the same, or all on one line.

    Parameters
    ----------
    vectors
        Of images that differ.
    minimum_rank
        Effective rank below which the space is called collapsed (for vectors of two or more dimensions).
    minimum_spread
        Relative spread below which it is.
    """
    values = np.asarray(vectors, dtype=np.float64)
    if not np.isfinite(values).all():
        return Collapse(
            collapsed=True, effective_rank=0.0, spread=0.0, message="The encoder gives values that are not finite."
        )
    length = float(np.sqrt(np.square(values).sum(axis=1).mean()))
    distance = float(np.sqrt(np.square(values - values.mean(axis=0)).sum(axis=1).mean()))
    spread = distance / length if length > 0 else 0.0
    rank = effective_rank(values)
    if spread < minimum_spread:
        message = "The encoder has collapsed: all images get the same vector; train it again with other parameters."
    elif values.shape[1] > 1 and rank < minimum_rank:
        message = (
            f"The encoder has collapsed: its vectors lie along one line (effective rank {rank:.1f} of "
            f"{values.shape[1]}); train it again with other parameters."
        )
    else:
        message = f"The vectors use {rank:.1f} of {values.shape[1]} directions."
        return Collapse(collapsed=False, effective_rank=rank, spread=spread, message=message)
    return Collapse(collapsed=True, effective_rank=rank, spread=spread, message=message)


def alignment(first: ArrayLike, second: ArrayLike) -> float:
    """Mean squared distance between two views of the same images on the unit sphere: 0 when they agree, 2 by chance.

    Wang & Isola 2020, https://arxiv.org/abs/2005.10242, with alpha = 2.

    Parameters
    ----------
    first, second
        Vectors (n, dimension) of one view and of the other.
    """
    return float(np.square(exact_unit_vectors(first) - exact_unit_vectors(second)).sum(axis=1).mean())


def uniformity(vectors: ArrayLike) -> float:
    """How evenly vectors lie on the unit sphere: 0 when all point the same way, about -4 when they are spread evenly.

    Wang & Isola 2020, https://arxiv.org/abs/2005.10242, with t = 2: the logarithm of the mean of exp(-2 d²) over all
    pairs of different images.  Memory grows with the square of the count of vectors.

    Parameters
    ----------
    vectors
        Shape (n, dimension), two or more.
    """
    unit = exact_unit_vectors(vectors)
    squared = np.maximum(2 - 2 * unit @ unit.T, 0)
    pairs = squared[np.triu_indices(len(unit), k=1)]
    return float(np.log(np.exp(-2 * pairs).mean()))
