"""Sentences on what was done to the images of a dataset."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from lse.values import counted

__all__ = ["NOTED", "all_simulated", "keyword_notes", "preparation_notes"]

_SHOWN = 5
_SENTENCES = {
    "nan_fraction": ("image", "images", "had missing pixels, which the recipe's NaN policy filled"),
    "padded_fraction": ("image was", "images were", "smaller than the crop and padded"),
    "frames": ("file has", "files have", "several frames or pages; the first is read (recipe key 'hdu' of TIFF)"),
    "limits_widened": ("image was", "images were", "so flat that the limits of the stretch were widened"),
}
_SIMULATED = "header.simulate"
_LEFT_OUT = "not_read"
NOTED = ("status", _SIMULATED, _LEFT_OUT, *_SENTENCES)
"""Columns of the image table that these sentences are about."""


def all_simulated(facts: pa.Table) -> bool:
    """Whether all images say that they are simulated."""
    if _SIMULATED not in facts.column_names:
        return False
    values = facts.filter(pc.equal(facts["status"], "prepared"))[_SIMULATED].to_pylist()
    return bool(values) and all(str(value).lower() == "true" for value in values)


def keyword_notes(count: int) -> list[str]:
    """What is said of header keywords without a column, so many."""
    if not count:
        return []
    told = counted(count, "header keyword is no column", "header keywords are no columns")
    return [f"{told}, since the images have too many: the most frequent ones are."]


def preparation_notes(facts: pa.Table) -> list[str]:
    """What was masked, clipped or filled in over the whole dataset, a sentence each."""
    notes = []
    for column, (one, many, what) in _SENTENCES.items():
        if column in facts.column_names:
            count = sum(bool(value) for value in facts[column].to_pylist())
            if count:
                notes.append(f"{counted(count, one, many)} {what}.")
    if _LEFT_OUT in facts.column_names:
        for left, count in Counter(facts[_LEFT_OUT].drop_null().to_pylist()).most_common(_SHOWN):
            files = counted(count, "file has", "files have")
            notes.append(f"{files} further images that were not read: {left} (recipe keys 'hdu' and 'mask').")
    return notes
