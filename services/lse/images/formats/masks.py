"""Pixels that another image of a file marks as bad."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.images.formats.source_image import Extensions, ReadError

__all__ = ["bad_pixels", "check_mask_shape"]


def bad_pixels(values: NDArray[Any], extensions: Extensions) -> NDArray[np.bool_]:
    """Which pixels a mask calls bad; where it has no value itself, they are."""
    known = np.isfinite(values)
    marked = values != 0
    if extensions.bits is not None:
        marked = (np.where(known, values, 0).astype(np.int64) & extensions.bits) != 0
    return np.asarray((~marked if extensions.bad == "zero" else marked) | ~known, dtype=np.bool_)


def check_mask_shape(planes: tuple[int, ...], pixels: NDArray[Any], label: str, name: str) -> None:
    """Refuse a mask of a shape (C, H, W) other than that of the pixels.

    Raises
    ------
    ReadError
        ``EXTENSION_MISMATCH``.
    """
    if planes[1:] != pixels.shape[1:] or planes[0] not in (1, len(pixels)):
        text = f"{label} {planes[2]} x {planes[1]}, image {pixels.shape[2]} x {pixels.shape[1]}"
        message = f"{name} has a mask of another size than its image ({text}): choose its own mask."
        raise ReadError(message, reason="EXTENSION_MISMATCH", name=name, shapes=text)
