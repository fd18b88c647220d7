"""Paths under which the explorer serves files, below its prefix and without a leading slash."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from lse.client.resources import Dataset

__all__ = ["card_path", "dataset_version", "thumbnail_path"]


def card_path(project: str, encoder: str) -> str:
    """Path of an encoder card; with ``.json`` appended, of the card as JSON."""
    return f"cards/{quote(project, safe='')}/{quote(encoder, safe='')}"


def thumbnail_path(project: str, dataset: Dataset, row: int) -> str:
    """Path of a thumbnail."""
    return f"thumbnails/{quote(project, safe='')}/{quote(dataset.id, safe='')}/{row}?v={dataset_version(dataset)}"


def dataset_version(dataset: Dataset) -> str:
    """Short text that changes when the images behind a dataset's name do."""
    text = f"{dataset.uid} {dataset.update_time}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
