"""Thumbnails of images: fetched in batches and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lse_dashboard.data.cache import BoundedCache

__all__ = ["ThumbnailStore"]

FetchThumbnails = Callable[[str, str, Sequence[int]], Sequence[bytes]]
_BATCH = 64


class ThumbnailStore:
    """Pictures that one caller may see.

    Parameters
    ----------
    fetch
        Gets the thumbnails of some rows of a project's dataset in one call.
    cache
        Where they are kept.
    owner
        Caller whose pictures these are: callers share a cache but never a picture.
    """

    def __init__(self, fetch: FetchThumbnails, cache: BoundedCache[bytes], owner: str = "") -> None:
        self._fetch = fetch
        self._cache = cache
        self._owner = owner

    def prefetch(self, project: str, dataset: str, version: str, rows: Iterable[int]) -> None:
        """Fetch those of some rows that are not here, in few calls."""
        key = (self._owner, project, dataset, version)
        missing = [row for row in dict.fromkeys(rows) if self._cache.get((*key, row)) is None]
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            for row, image in zip(batch, self._fetch(project, dataset, batch), strict=True):
                self._cache.put((*key, row), image)

    def get(self, project: str, dataset: str, version: str, row: int) -> bytes:
        """Picture of one row, as the services made it.

        Raises
        ------
        NotFoundError
            There is no such project, dataset or row.
        """
        key = (self._owner, project, dataset, version, row)
        return self._cache.get_or_make(key, lambda: self._fetch(project, dataset, [row])[0])
