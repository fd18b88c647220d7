"""Thumbnails of images: fetched in batches, kept for all visitors, addressed by URL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from lse.client.resources import Dataset
from lse_dashboard.data.cache import BoundedCache

__all__ = ["ThumbnailStore", "dataset_version", "thumbnail_path"]

FetchThumbnails = Callable[[str, str, Sequence[int]], Sequence[bytes]]
_BATCH = 64


def dataset_version(dataset: Dataset) -> str:
    """Short text that changes when the images behind a dataset's name do."""
    text = f"{dataset.uid} {dataset.update_time}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def thumbnail_path(project: str, dataset: Dataset, row: int) -> str:
    """Path of a thumbnail below the explorer's prefix, without a leading slash."""
    return f"thumbnails/{quote(project, safe='')}/{quote(dataset.id, safe='')}/{row}?v={dataset_version(dataset)}"


class ThumbnailStore:
    """A bounded store of pictures.

    Parameters
    ----------
    fetch
        Gets the thumbnails of some rows of a project's dataset in one call.
    budget
        Bytes to keep.
    """

    def __init__(self, fetch: FetchThumbnails, *, budget: int = 128 << 20) -> None:
        self._fetch = fetch
        self._cache: BoundedCache[bytes] = BoundedCache(budget, len)

    def prefetch(self, project: str, dataset: str, version: str, rows: Iterable[int]) -> None:
        """Fetch those of some rows that are not here, in few calls."""
        missing = [row for row in dict.fromkeys(rows) if self._cache.get((project, dataset, version, row)) is None]
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            for row, image in zip(batch, self._fetch(project, dataset, batch), strict=True):
                self._cache.put((project, dataset, version, row), image)

    def get(self, project: str, dataset: str, version: str, row: int) -> bytes:
        """Picture of one row, as the services made it.

        Raises
        ------
        NotFoundError
            There is no such project, dataset or row.
        """
        key = (project, dataset, version, row)
        return self._cache.get_or_make(key, lambda: self._fetch(project, dataset, [row])[0])
