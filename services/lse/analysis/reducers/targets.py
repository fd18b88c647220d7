"""Classes that a map may know beside the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.methods import Method

__all__ = ["class_codes"]

_MOST_CLASSES = 1000


def class_codes(
    targets: Sequence[Any] | NDArray[Any] | None, *, method: Method[Any, Any], rows: int
) -> NDArray[np.int32] | None:
    """Numbers of the classes of vectors, -1 where it is unknown; None where none are given.

    Raises
    ------
    InvalidArgumentError
        ``TARGETS_INVALID``: the method knows no classes, they are not as many as the vectors, or they are values
        rather than classes.
    """
    if targets is None:
        return None
    if "target" not in method.parameters.model_fields:
        raise InvalidArgumentError(
            f"{method.title} knows no classes: leave targets out, or use umap or densmap.", reason="TARGETS_INVALID"
        )
    import pandas as pd

    if len(targets) != rows:
        raise InvalidArgumentError(
            f"There are {len(targets)} targets for {rows} vectors: give one for each.", reason="TARGETS_INVALID"
        )
    texts = ["" if pd.isna(value) else str(value).strip() for value in targets]
    codes, classes = pd.factorize(np.array([text or None for text in texts], dtype=object), sort=True)
    if len(classes) > _MOST_CLASSES:
        raise InvalidArgumentError(
            f"The target has {len(classes)} different values, and at most {_MOST_CLASSES} classes are allowed: name a "
            "column of classes, not of measurements.",
            reason="TARGETS_INVALID",
        )
    return np.asarray(codes, np.int32)
