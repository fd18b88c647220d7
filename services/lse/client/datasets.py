"""Datasets: ingest, look at, delete."""

from __future__ import annotations

import builtins
import dataclasses
import itertools
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latentspace.encoding.v1 import encoding_pb2
from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.search.v1 import search_pb2
from lse.client.collection import ProjectCollection
from lse.client.duplicates import with_near_duplicates
from lse.client.operations import Operation
from lse.client.requests import check_count, recipe_text, rows_message, source_path, source_paths
from lse.client.resources.datasets import Dataset, Image, ImageStatus, ImageTrace, Preview
from lse.client.resources.originals import OriginalHeader, OriginalImage
from lse.client.sent_files import SentFiles
from lse.client.streams import file_size, pieces
from lse.errors import InvalidArgumentError
from lse.names import EXPERIMENT, IMAGE

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Datasets"]

_THUMBNAILS_PER_CALL = 200
_SAMPLES = 24  # from which the services suggest a recipe


class Datasets(ProjectCollection[Dataset]):
    """The datasets of a project.

    Paths of sources and catalogues are read by the services; relative ones are made absolute here.  They may also be
    addresses, ``s3://BUCKET/PREFIX``, ``https://HOST/FILE`` or ``https://HOST/FOLDER/``.
    """

    def ingest(
        self,
        name: str,
        sources: str | Path | Iterable[str | Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = None,
        catalogue: str | Path | None = None,
        catalogue_key: str | None = None,
        catalogue_radius_arcsec: float | None = None,
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
            File, YAML text or keys (default: suggested from the images).
        catalogue
            Table that is joined by path or name, or by position.
        catalogue_key
            Column of the catalogue that identifies the image (default: found by its name).
        catalogue_radius_arcsec
            Largest separation, in arcsec, of a catalogue that is joined by position (default: joined by its key).
        request_id
            UUID: the same one gives the same operation.

        Examples
        --------
        >>> client.datasets.ingest("survey", ["images"], recipe={"size": 64}, catalogue="catalogue.csv").wait()
        """
        return self._make(
            "Ingest{}",
            name,
            sources=source_paths(sources),
            recipe=recipe_text(recipe),
            catalogue=None if catalogue is None else source_path(catalogue),
            catalogue_key=catalogue_key,
            catalogue_radius_arcsec=catalogue_radius_arcsec,
            request_id=request_id,
        )

    def upload(
        self,
        name: str,
        files: str | Path | Mapping[str, Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = None,
        request_id: str | None = None,
        catalogue: str | Path | None = None,
        catalogue_key: str | None = None,
        catalogue_radius_arcsec: float | None = None,
    ) -> Operation[Dataset]:
        """Make a dataset of files of this machine, which are sent to the services and kept with the dataset.

        Parameters
        ----------
        name
            Its name.
        files
            A folder, an image, an archive or another file of many images; or image files by their paths in the dataset.
        recipe, request_id, catalogue, catalogue_key, catalogue_radius_arcsec
            As for `ingest`; the catalogue is a file of this machine too.

        Examples
        --------
        >>> client.datasets.upload("survey", "images", recipe={"size": 64}, catalogue="catalogue.csv").wait()
        """
        sent = SentFiles.of(files)
        table = None if catalogue is None else Path(catalogue).expanduser()
        content = sent.content()
        header = pb.ImportDatasetHeader(
            **self._new(name),
            file_name=sent.file_name,
            recipe=recipe_text(recipe),
            catalogue_name="" if table is None else table.name,
            catalogue_byte_count=0 if table is None else file_size(table),
            catalogue_key=catalogue_key or "",
            catalogue_radius_arcsec=catalogue_radius_arcsec or 0.0,
            request_id=request_id or str(uuid.uuid4()),
        )
        if table is not None:
            content = itertools.chain(pieces(table), content)
        return Operation(self._connection.upload(pb.ImportDatasetRequest, header, content), self._connection)

    def preview_upload(
        self,
        files: str | Path | Mapping[str, Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = None,
        count: int = 8,
    ) -> Preview:
        """Show what a recipe makes of a few files of this machine, of which nothing is kept.

        Parameters
        ----------
        files
            As for `upload`; of more than a few dozen image files some are sent, evenly spread over all.
        recipe, count
            As for `preview`.
        """
        shown = check_count(count, 64, "A preview")
        sent = SentFiles.of(files)
        header = pb.PreviewUploadHeader(
            parent=self._parent, file_name=sent.file_name, recipe=recipe_text(recipe), image_count=shown
        )
        answer = self._connection.upload(pb.PreviewUploadRequest, header, sent.some(max(shown, _SAMPLES)).content())
        return dataclasses.replace(Preview.from_pb(answer), source_count=len(sent.files) or answer.source_count)

    def add(
        self,
        name: str,
        sources: str | Path | Iterable[str | Path],
        *,
        catalogue: str | Path | None = None,
        catalogue_key: str | None = None,
        catalogue_radius_arcsec: float | None = None,
        request_id: str | None = None,
    ) -> Operation[Dataset]:
        """Add sources to a dataset, prepared by its own recipe; the catalogue is joined as by `ingest`."""
        return self._start(
            "AddImages",
            name=self._full(name),
            sources=source_paths(sources),
            catalogue=None if catalogue is None else source_path(catalogue),
            catalogue_key=catalogue_key,
            catalogue_radius_arcsec=catalogue_radius_arcsec,
            request_id=request_id,
        )

    def subset(
        self,
        name: str,
        *,
        of: str,
        rows: Iterable[int] | None = None,
        without: Iterable[str] | None = None,
        request_id: str | None = None,
    ) -> Operation[Dataset]:
        """Make a dataset of some images of another one, with their labels; the other one stays as it is.

        Parameters
        ----------
        name
            Name of the new dataset.
        of
            Dataset that has the images.
        rows
            Rows of the images.
        without
            Images to leave out instead, by name, path or row.
        request_id
            UUID: the same one gives the same operation.

        Examples
        --------
        >>> client.datasets.subset("clean", of="survey", without=["J0013+0951", "J0530-2239"]).wait()
        """
        if (rows is None) == (without is None):
            raise InvalidArgumentError("Give either the rows or the images to leave out.", reason="ROWS_INVALID")
        if without is not None:
            # A rejected image has no row, and is not in the new dataset either.
            rows = [row for row in (self.image(of, image).row for image in without) if row >= 0]
        return self._make(
            "Subset{}",
            name,
            dataset=self._full(of),
            rows=rows_message(rows),
            complement=without is not None,
            request_id=request_id,
        )

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete a dataset; with `force` also what was made from it."""
        self._delete(self._full(name), force=force)

    def preview(
        self,
        sources: str | Path | Iterable[str | Path],
        *,
        recipe: Path | str | Mapping[str, object] | None = None,
        count: int = 8,
    ) -> Preview:
        """Show what a recipe makes of a few sources.

        Parameters
        ----------
        sources
            Files and folders.
        recipe
            File, YAML text or keys (default: suggested from the images).
        count
            Number of images to show, 1 to 64.
        """
        request = pb.PreviewRecipeRequest(
            parent=self._parent,
            sources=source_paths(sources),
            recipe=recipe_text(recipe),
            image_count=check_count(count, 64, "A preview"),
        )
        return Preview.from_pb(self._connection.call(request))

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
        request = pb.ListImagesRequest(parent=self._full(dataset), filter=wanted, order_by=order_by)
        return (Image.from_pb(message) for message in self._connection.pages(request, limit=limit))

    def image(self, dataset: str, image: str) -> Image:
        """One image with its metadata."""
        return Image.from_pb(self._connection.call(pb.GetImageRequest(name=self._name(IMAGE, dataset, image))))

    def trace(self, dataset: str, image: str, *, recipe: Path | str | Mapping[str, object] | None = None) -> ImageTrace:
        """Show one image through every step of its preparation, read again from its source.

        Parameters
        ----------
        dataset
            Name of the dataset.
        image
            Name, path or row of the image.
        recipe
            Another recipe to try on it: file, YAML text or keys (default: that of the dataset).

        Examples
        --------
        >>> client.datasets.trace("survey", "J0013+0951").save("trace.png")
        """
        request = pb.TraceImageRequest(name=self._name(IMAGE, dataset, image), recipe=recipe_text(recipe))
        return ImageTrace.from_pb(self._connection.call(request))

    def original(self, dataset: str, image: str) -> OriginalImage:
        """One image as it is in its source, before any preparation: pixels, header and world coordinates.

        Parameters
        ----------
        dataset
            Name of the dataset.
        image
            Name, path or row of the image.

        Examples
        --------
        >>> original = client.datasets.original("survey", "J0013+0951")
        >>> original.pixels.shape, original.position(0, 0)
        """
        messages = self._connection.stream(pb.ReadOriginalRequest(name=self._name(IMAGE, dataset, image)))
        first = next(messages)
        content = b"".join([first.data, *(message.data for message in messages)])
        return OriginalImage.of(OriginalHeader.from_pb(first.header), content)

    def duplicates(self, dataset: str, *, experiment: str | None = None) -> pa.Table:
        """Images of a dataset that have the same pixels, and those that are nearly the same in an experiment of it.

        Parameters
        ----------
        dataset
            Name of the dataset.
        experiment
            Experiment whose neighbour graph finds what is nearly the same, too (default: none), by the similarity that
            is chosen from its data; `lse.client.experiments.Experiments.near_duplicates` takes another one.

        Returns
        -------
        table
            Columns ``group`` (from 0, the largest first), ``row``, ``name``, and of another image of the group
            ``other_row``, ``other_name`` and ``similarity``: the cosine of their vectors, null of the same pixels.
            Images with the same pixels come first.
        """
        table = self._connection.table(pb.ReadDuplicatesRequest(name=self._full(dataset)))
        return with_near_duplicates(table, None if experiment is None else self._near(dataset, experiment))

    def _near(self, dataset: str, experiment: str) -> pa.Table:
        """Near duplicates in an experiment, which must be one of the dataset."""
        name = self._name(EXPERIMENT, experiment)
        made_of = self._connection.call(encoding_pb2.GetExperimentRequest(name=name)).dataset
        if made_of != self._full(dataset):
            raise InvalidArgumentError(
                f"The experiment '{experiment}' is of another dataset than '{dataset}': choose one of its own.",
                reason="DATASET_MISMATCH",
            )
        return self._connection.table(search_pb2.ReadNearDuplicatesRequest(name=name))

    def thumbnails(self, dataset: str, rows: Sequence[int]) -> builtins.list[bytes]:
        """JPEG pictures of some rows, in their order; WebP of datasets that version 0.1 made."""
        parent = self._full(dataset)
        pictures: builtins.list[bytes] = []
        wanted = [int(row) for row in rows]
        for start in range(0, len(wanted), _THUMBNAILS_PER_CALL):
            request = pb.BatchGetThumbnailsRequest(parent=parent, rows=wanted[start : start + _THUMBNAILS_PER_CALL])
            pictures.extend(self._connection.call(request).thumbnails)
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
        return self._read(pb.ReadImageTableRequest(name=self._full(dataset)), rows, columns or ())
