"""Datasets: ingest, look at, delete."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentspace.encoding.v1 import encoding_pb2
from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.search.v1 import search_pb2
from lse.client.collection import ProjectCollection
from lse.client.dataset_images import DatasetImages
from lse.client.duplicates import with_near_duplicates
from lse.client.footprint import coverage_of
from lse.client.operations import Operation
from lse.client.requests import check_count, recipe_text, rows_message, source_path, source_paths
from lse.client.resources.datasets import Dataset, Preview
from lse.client.sent_files import SentFiles
from lse.client.streams import file_size, pieces
from lse.errors import InvalidArgumentError
from lse.names import EXPERIMENT

if TYPE_CHECKING:
    import pyarrow as pa
    from mocpy import MOC

__all__ = ["Datasets"]

_SAMPLES = 24  # from which the services suggest a recipe
_MOST_NAMED = 100_000


class Datasets(ProjectCollection[Dataset], DatasetImages):
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
        joined, content = _with_catalogue(catalogue, catalogue_key, catalogue_radius_arcsec, sent.content())
        header = pb.ImportDatasetHeader(
            **{**self._new(name), **joined},
            file_name=sent.file_name,
            recipe=recipe_text(recipe),
            request_id=request_id or str(uuid.uuid4()),
        )
        return Operation(self._connection.upload(pb.ImportDatasetRequest, header, content), self._connection)

    def preview_upload(
        self,
        files: str | Path | Mapping[str, Path],
        *,
        count: int = 8,
        recipe: Path | str | Mapping[str, object] | None = None,
        catalogue: str | Path | None = None,
        catalogue_key: str | None = None,
        catalogue_radius_arcsec: float | None = None,
    ) -> Preview:
        """Show what a recipe makes of a few files of this machine, of which nothing is kept.

        Parameters
        ----------
        files
            As for `upload`; of more than a few dozen image files some are sent, evenly spread over all.
        recipe, count, catalogue_key, catalogue_radius_arcsec
            As for `preview`.
        catalogue
            A file of this machine too; it is joined to all files, of which it needs the names.  Of more than 100,000
            files it is not looked at.
        """
        shown = check_count(count, 64, "A preview")
        sent = SentFiles.of(files)
        looked_at = catalogue if len(sent.files) <= _MOST_NAMED else None
        some = sent.some(max(shown, _SAMPLES)).content()
        joined, content = _with_catalogue(looked_at, catalogue_key, catalogue_radius_arcsec, some)
        header = pb.PreviewUploadHeader(
            **joined,
            parent=self._parent,
            file_name=sent.file_name,
            recipe=recipe_text(recipe),
            image_count=shown,
            image_paths=sent.files if joined else (),
        )
        answer = self._connection.upload(pb.PreviewUploadRequest, header, content)
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
        catalogue: str | Path | None = None,
        catalogue_key: str | None = None,
        catalogue_radius_arcsec: float | None = None,
    ) -> Preview:
        """Show what a recipe makes of a few sources, and how a catalogue would be joined to all of them.

        Parameters
        ----------
        sources
            Files and folders.
        recipe
            File, YAML text or keys (default: suggested from the images).
        count
            Number of images to show, 1 to 64.
        catalogue, catalogue_key, catalogue_radius_arcsec
            As for `ingest`; a catalogue that cannot be joined is no error here, the answer says why.
        """
        request = pb.PreviewRecipeRequest(
            parent=self._parent,
            catalogue="" if catalogue is None else source_path(catalogue),
            sources=source_paths(sources),
            recipe=recipe_text(recipe),
            image_count=check_count(count, 64, "A preview"),
            catalogue_key=catalogue_key or "",
            catalogue_radius_arcsec=catalogue_radius_arcsec or 0.0,
        )
        return Preview.from_pb(self._connection.call(request))

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

    def footprint(self, dataset: str, *, order: int | None = None) -> MOC:
        """Footprint of a dataset on the sky: the union of the outlines of its images that have a WCS.

        Parameters
        ----------
        dataset
            Name of the dataset.
        order
            HEALPix order of the finest cells, 0 to 29 (default: chosen from the images, some four cells along a side).

        Returns
        -------
        mocpy.MOC
            Multi-order coverage map (MOC), see `lse.client.footprint.coverage_of`, also for its errors.

        Examples
        --------
        >>> client.datasets.footprint("survey").contains_skycoords(SkyCoord("10h +20d"))
        """
        if "s_region" not in self.get(dataset).columns:
            return coverage_of((), order=order)
        return coverage_of(self.table(dataset, ["s_region"])["s_region"].to_pylist(), order=order)

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


def _with_catalogue(
    catalogue: str | Path | None, key: str | None, radius_arcsec: float | None, content: Iterator[bytes]
) -> tuple[dict[str, Any], Iterator[bytes]]:
    """Fields of the header of an upload with a catalogue, and what is sent: the catalogue, then the content."""
    if catalogue is None:
        return {}, content
    table = Path(catalogue).expanduser()
    fields = {
        "catalogue_name": table.name,
        "catalogue_byte_count": file_size(table),
        "catalogue_key": key or "",
        "catalogue_radius_arcsec": radius_arcsec or 0.0,
    }
    return fields, itertools.chain(pieces(table), content)
