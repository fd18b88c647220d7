"""Sentences on what was done to the images of a dataset."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["NOTED", "all_simulated", "keyword_notes", "preparation_notes"]

_SHOWN = 5
_SENTENCES = {
    "nan_fraction": "{} images had missing pixels, which the recipe's NaN policy filled.",
    "padded_fraction": "{} images were smaller than the crop and were padded.",
    "frames": "{} files have several frames or pages, of which the first is read (recipe key 'hdu' of TIFF).",
    "limits_widened": "{} images were so flat that the limits of their stretch were widened.",
}
_SIMULATED = "header.simulate"
_LEFT_OUT = "not_read"
NOTED = ("status", _SIMULATED, _LEFT_OUT, *_SENTENCES)
"""Columns of the image table that these sentences are about."""


def _of_one(sentence: str) -> str:
    """A sentence on several images as one on a single image."""
    for many, one in (
        ("{} images were", "1 image was"),
        ("{} images", "1 image"),
        ("{} files have", "1 file has"),
        ("of their stretch", "of its stretch"),
        (" and were ", " and was "),
    ):
        sentence = sentence.replace(many, one)
    return sentence


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
    return [f"{count} header keywords are not columns, since the images have too many: the most frequent ones are."]


def preparation_notes(facts: pa.Table) -> list[str]:
    """What was masked, clipped or filled in over the whole dataset, a sentence each."""
    notes = []
    for column, sentence in _SENTENCES.items():
        if column in facts.column_names:
            count = sum(bool(value) for value in facts[column].to_pylist())
            if count:
                notes.append(sentence.format(count) if count > 1 else _of_one(sentence))
    if _LEFT_OUT in facts.column_names:
        for left, count in Counter(facts[_LEFT_OUT].drop_null().to_pylist()).most_common(_SHOWN):
            have = "file has" if count == 1 else "files have"
            notes.append(f"{count} {have} further images that were not read: {left} (recipe keys 'hdu' and 'mask').")
    return notes
