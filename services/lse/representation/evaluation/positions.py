"""Where images come from, as far as the columns of a dataset tell: place on the chip, chip, place on the sky."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["position_columns", "position_properties"]

# What a column of pixel positions is called, as in `x`, `X_IMAGE`, `header.ccd_x` or `xcentroid`.
_X = re.compile(
    r"(?:.*[._])?x(?:[._]?(?:image|pix(?:el)?s?|pos(?:ition)?|cent(?:er|re|roid)?|chip|ccd|det(?:ector)?))?"
)
_CHIP = re.compile(r"(?:.*[._])?(?:chip|ccd|detector|sensor|amp|amplifier|quadrant)(?:[._]?(?:num|number|id|name))?")
_PAIRS = (("column", "row"), ("col", "row"))
_SKY = ("ra_deg", "dec_deg")
# Chips told apart; the images of any further ones count as on one.
_MOST_CHIPS = 50


def position_columns(columns: Mapping[str, str]) -> list[tuple[str, tuple[str, ...]]]:
    """Properties that columns give, with the columns of each.

    Parameters
    ----------
    columns
        Type (``number``, ``integer``, ``text``, ``boolean``) by the name of the column.

    Returns
    -------
    list
        ``chip_position`` and ``chip``, where there are such columns, and ``sky_position``.
    """
    numeric = {key.lower(): key for key, kind in columns.items() if kind in ("number", "integer")}
    found: list[tuple[str, tuple[str, ...]]] = []
    place = next((pair for key in numeric if (pair := _partner(key, numeric)) is not None), None)
    if place is not None:
        found.append(("chip_position", place))
    # A header may say it too: what the catalogue says comes first.
    chips = [key for key, kind in columns.items() if kind in ("integer", "text") and _CHIP.fullmatch(key.lower())]
    if chips:
        found.append(("chip", (chips[0],)))
    found.append(("sky_position", _SKY))
    return found


def position_properties(
    table: pd.DataFrame, wanted: Iterable[tuple[str, tuple[str, ...]]]
) -> dict[str, NDArray[np.float32]]:
    """Numbers (n, numbers) of each property, for `audit`; those that are known of no image are left out.

    Parameters
    ----------
    table
        A line an image, with the columns.
    wanted
        See `position_columns`.
    """
    properties: dict[str, NDArray[np.float32]] = {}
    for key, names in wanted:
        columns = table[list(names)]
        if columns.isna().all(axis=None):
            continue
        if key == "sky_position":
            ra, dec = (np.radians(columns[name].to_numpy(dtype=np.float64, na_value=np.nan)) for name in names)
            directions = [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]
            properties[key] = np.stack(directions, axis=1).astype(np.float32)
        elif key == "chip":
            properties[key] = _one_hot(columns[names[0]])
        else:
            properties[key] = columns.to_numpy(dtype=np.float32, na_value=np.nan)
    return properties


def _partner(key: str, numeric: Mapping[str, str]) -> tuple[str, str] | None:
    """The two columns of a position on the chip of which `key` is the first, with their names as they are written."""
    for x, y in _PAIRS:
        if key == x and y in numeric:
            return numeric[x], numeric[y]
    if not _X.fullmatch(key):
        return None
    # The last letter x that stands at the beginning of a word is the axis.
    at = max(match.start() for match in re.finditer(r"(?:^|(?<=[._]))x", key))
    other = f"{key[:at]}y{key[at + 1 :]}"
    return (numeric[key], numeric[other]) if other in numeric else None


def _one_hot(values: pd.Series[Any]) -> NDArray[np.float32]:
    common = values.value_counts().index[:_MOST_CHIPS]
    columns = np.stack([(values == name).to_numpy(dtype=np.float32, na_value=0) for name in common], axis=1)
    columns[values.isna().to_numpy()] = np.nan
    return columns
