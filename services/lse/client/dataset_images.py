"""The images of datasets: their metadata, pictures and arrays, how they were prepared, and their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from lse.client.requests import recipe_text, rows_message
from lse.client.resources.datasets import Image, ImageStatus, ImageTrace
from lse.client.resources.originals import OriginalHeader, OriginalImage
from lse.client.resources.thumbnails import Thumbnail
from lse.client.subject import Subject
from lse.errors import InvalidArgumentError
from lse.names import DATASET

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["DatasetImages"]

_THUMBNAILS_PER_CALL = 200


class DatasetImages(Subject):
    """The images of the datasets of a project."""

    def images(
        self,
        dataset: str,
        *,
        status: ImageStatus | None = None,
        filter: str = "",  # noqa: A002  # the word of the API
        order_by: str = "",
        limit: int | None = None,
    ) -> Iterator[Image]:
        """Images, fetched page by page.

        Parameters
        ----------
        dataset
            Name of the dataset.
        status
            Only those ``prepared`` or only those ``rejected``.
        filter
            Only those that fulfil a filter on metadata, such as ``redshift > 0.5 AND class = spiral`` (default: all).
        order_by
            Columns to order by, such as ``redshift desc`` (default: the order in which they were read).
        limit
            At most so many (default: all).
        """
        if status not in {None, "prepared", "rejected"}:
            raise InvalidArgumentError(
                f"'{status}' is not a status of images: use 'prepared' or 'rejected'.", reason="CHOICE_UNKNOWN"
            )
        only = f"status = {status}" if status else ""
        wanted = f"{only} AND ({filter})" if only and filter else only or filter
        request = pb.ListImagesRequest(parent=self._name(DATASET, dataset), filter=wanted, order_by=order_by)

        def listed() -> Iterator[Image]:
            try:
                yield from map(Image.from_pb, self._connection.pages(request, limit=limit))
            except InvalidArgumentError as error:
                if wanted != filter and error.reason == "FILTER_INVALID":
                    # What is wrong with the filter as it was given: nobody wrote the other one.
                    alone = pb.ListImagesRequest(parent=request.parent, filter=filter, page_size=1)
                    self._connection.call(alone)
                raise

        return listed()

    def image(self, dataset: str, image: str | int | None = None, *, row: int | None = None) -> Image:
        """One image with its metadata, by its name or path, or by its row."""
        return Image.from_pb(self._connection.call(pb.GetImageRequest(name=self._image_of(dataset, image, row))))

    def trace(
        self,
        dataset: str,
        image: str | int | None = None,
        *,
        row: int | None = None,
        recipe: Path | str | Mapping[str, object] | None = None,
    ) -> ImageTrace:
        """Show one image through every step of its preparation, read again from its source.

        Parameters
        ----------
        dataset
            Name of the dataset.
        image, row
            The image, by its name or path, or by its row.
        recipe
            Another recipe to try on it: file, YAML text or keys (default: that of the dataset).

        Examples
        --------
        >>> client.datasets.trace("survey", "J0013+0951").save("trace.png")
        """
        request = pb.TraceImageRequest(name=self._image_of(dataset, image, row), recipe=recipe_text(recipe))
        return ImageTrace.from_pb(self._connection.call(request))

    def original(self, dataset: str, image: str | int | None = None, *, row: int | None = None) -> OriginalImage:
        """One image as it is in its source, before any preparation: pixels, header and world coordinates.

        Parameters
        ----------
        dataset
            Name of the dataset.
        image, row
            The image, by its name or path, or by its row.

        Examples
        --------
        >>> original = client.datasets.original("survey", "J0013+0951")
        >>> original.pixels.shape, original.position(0, 0)
        """
        messages = self._connection.stream(pb.ReadOriginalRequest(name=self._image_of(dataset, image, row)))
        first = next(messages)
        content = b"".join([first.data, *(message.data for message in messages)])
        return OriginalImage.of(OriginalHeader.from_pb(first.header), content)

    def arrays(self, dataset: str, rows: Iterable[int] | None = None) -> npt.NDArray[np.float32]:
        """Images as their recipe prepared them, as encoders see them.

        Parameters
        ----------
        dataset
            Name of the dataset.
        rows
            Rows of the images, in any order (default: all, which must fit into memory).

        Returns
        -------
        ndarray
            float32 (n, channels, size, size), in the order of the rows.

        Examples
        --------
        >>> client.datasets.arrays("survey", rows=[match.row for match in matches]).shape
        (10, 1, 64, 64)
        """
        import numpy as np

        wanted = None if rows is None else [int(row) for row in rows]
        about = self._connection.call(pb.GetDatasetRequest(name=self._name(DATASET, dataset)))
        shape = (-1, len(about.channels), about.image_size, about.image_size)
        if wanted is not None and not wanted:
            return np.empty((0, *shape[1:]), np.float32)
        request = pb.ReadImageArraysRequest(name=about.name)
        if (message := rows_message(wanted)) is not None:
            request.rows.CopyFrom(message)
        table = self._connection.table(request)
        pixels: npt.NDArray[np.float32] = table["pixels"].combine_chunks().flatten().to_numpy().reshape(shape)
        return pixels if wanted is None else pixels[np.searchsorted(table["row"].to_numpy(), wanted)]

    def thumbnails(self, dataset: str, rows: Sequence[int]) -> list[Thumbnail]:
        """Pictures of some rows, in their order: JPEG, or WebP of datasets that version 0.1 made.

        Examples
        --------
        >>> client.datasets.thumbnails("survey", [match.row for match in matches])[0].to_pil()
        """
        parent = self._name(DATASET, dataset)
        pictures: list[Thumbnail] = []
        wanted = [int(row) for row in rows]
        for start in range(0, len(wanted), _THUMBNAILS_PER_CALL):
            request = pb.BatchGetThumbnailsRequest(parent=parent, rows=wanted[start : start + _THUMBNAILS_PER_CALL])
            pictures.extend(map(Thumbnail, self._connection.call(request).thumbnails))
        return pictures

    def table(
        self, dataset: str, columns: Iterable[str] | None = None, *, rows: Iterable[int] | None = None
    ) -> pa.Table:
        """Table of all inputs, prepared and rejected: one row each.

        Parameters
        ----------
        dataset
            Name of the dataset.
        columns
            Columns wanted beside ``name`` and ``row`` (default: all).
        rows
            Rows of prepared images, which come in ascending order (default: all inputs).
        """
        return self._read(pb.ReadImageTableRequest(name=self._name(DATASET, dataset)), rows, columns or ())
