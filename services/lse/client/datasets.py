"""Datasets: ingest, look at, delete."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.ingestion.v1.ingestion_pb2_grpc import IngestionServiceStub
from lse.client.connection import Connection
from lse.client.names import Names, new_name
from lse.client.operations import Operation, Operations
from lse.client.requests import new_request_id, recipe_text, source_path, source_paths
from lse.client.resources.datasets import Dataset, Image, ImageStatus, Preview
from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Datasets"]

_THUMBNAILS_A_CALL = 200
_STATUSES: dict[str, pb.Image.Status.ValueType] = {
    "prepared": pb.Image.STATUS_PREPARED,
    "rejected": pb.Image.STATUS_REJECTED,
}


class Datasets:
    """The datasets of a project.

    Paths of sources and catalogues are read by the services; relative ones are made absolute here.
    """

    def __init__(self, connection: Connection, names: Names, operations: Operations) -> None:
        self._connection = connection
        self._names = names
        self._operations = operations
        self._stub = IngestionServiceStub(connection.channel)

    def list(self) -> list[Dataset]:
        """All datasets in the order in which they were read."""
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListDatasets,
                pb.ListDatasetsRequest(parent=self._names.parent, page_size=1000, page_token=token),
            ),
            lambda page: page.datasets,
        )
        return [Dataset.from_pb(message) for message in pages]

    def get(self, name: str) -> Dataset:
        """Dataset of a name."""
        request = pb.GetDatasetRequest(name=self._names.dataset(name))
        return Dataset.from_pb(self._connection.unary(self._stub.GetDataset, request))

    def ingest(
        self,
        name: str,
        sources: str | Path | Iterable[str | Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = None,
        catalogue: str | Path | None = None,
        catalogue_key: str | None = None,
        request_id: str | None = None,
    ) -> Operation[Dataset]:
        """Make a dataset of files and folders.

        Parameters
        ----------
        name
            Its name.
        sources
            Files and folders.
        recipe
            File, YAML text or keys; the services suggest one from the images when it is not given.
        catalogue
            CSV file that is joined by path or name.
        catalogue_key
            Column of the catalogue that names the image; found from its values when not given.
        request_id
            UUID: the same one gives the same operation.
        """
        parent, short = new_name(self._names.dataset(name))
        request = pb.IngestDatasetRequest(
            parent=parent,
            dataset_id=short,
            sources=source_paths(sources),
            recipe=recipe_text(recipe),
            catalogue=source_path(catalogue) if catalogue is not None else "",
            catalogue_key=catalogue_key or "",
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.IngestDataset, request))

    def add(
        self,
        name: str,
        sources: str | Path | Iterable[str | Path],
        *,
        catalogue: str | Path | None = None,
        request_id: str | None = None,
    ) -> Operation[Dataset]:
        """Add sources to a dataset, prepared by its own recipe."""
        request = pb.AddImagesRequest(
            name=self._names.dataset(name),
            sources=source_paths(sources),
            catalogue=source_path(catalogue) if catalogue is not None else "",
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.AddImages, request))

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete a dataset, with `force` also what was made from it."""
        request = pb.DeleteDatasetRequest(name=self._names.dataset(name), force=force)
        self._connection.unary(self._stub.DeleteDataset, request)

    def preview(
        self,
        sources: str | Path | Iterable[str | Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = None,
        count: int = 8,
    ) -> Preview:
        """Show what a recipe, or the one suggested, makes of a few sources.

        Parameters
        ----------
        sources
            Files and folders.
        recipe
            File, YAML text or keys.
        count
            Images to show, 1 to 64.
        """
        if not 1 <= count <= 64:
            raise InvalidArgumentError(f"A preview shows 1 to 64 images, not {count}.", reason="INVALID_COUNT")
        request = pb.PreviewRecipeRequest(sources=source_paths(sources), recipe=recipe_text(recipe), image_count=count)
        return Preview.from_pb(self._connection.unary(self._stub.PreviewRecipe, request))

    def images(self, dataset: str, *, status: ImageStatus | None = None) -> Iterator[Image]:
        """Images in the order in which they were read, fetched page by page.

        Parameters
        ----------
        dataset
            Name of the dataset.
        status
            Only those ``prepared`` or only those ``rejected``.
        """
        if status is not None and status not in _STATUSES:
            raise InvalidArgumentError(
                f"'{status}' is no status of images: use 'prepared' or 'rejected'.", reason="INVALID_STATUS"
            )
        parent = self._names.dataset(dataset)
        wanted = _STATUSES[status] if status else pb.Image.STATUS_UNSPECIFIED
        messages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListImages,
                pb.ListImagesRequest(parent=parent, page_size=1000, page_token=token, status=wanted),
            ),
            lambda page: page.images,
        )
        return (Image.from_pb(message) for message in messages)

    def image(self, dataset: str, image: str) -> Image:
        """One image with its metadata."""
        request = pb.GetImageRequest(name=self._names.image(dataset, image))
        return Image.from_pb(self._connection.unary(self._stub.GetImage, request))

    def thumbnails(self, dataset: str, rows: Sequence[int]) -> builtins.list[bytes]:
        """WebP pictures of some rows, in their order."""
        parent = self._names.dataset(dataset)
        pictures: builtins.list[bytes] = []
        wanted = [int(row) for row in rows]
        for start in range(0, len(wanted), _THUMBNAILS_A_CALL):
            request = pb.BatchGetThumbnailsRequest(parent=parent, rows=wanted[start : start + _THUMBNAILS_A_CALL])
            pictures.extend(self._connection.unary(self._stub.BatchGetThumbnails, request).thumbnails)
        return pictures

    def table(self, dataset: str, columns: Iterable[str] | None = None) -> pa.Table:
        """Table of all inputs, prepared and rejected: one row each.

        Parameters
        ----------
        dataset
            Name of the dataset.
        columns
            Columns wanted beside ``name`` and ``row``; all when not given.
        """
        request = pb.ReadImageTableRequest(name=self._names.dataset(dataset), columns=list(columns or ()))
        return self._connection.table(self._stub.ReadImageTable, request)
