"""The ingestion service: datasets and their images."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.ingestion.v1 import ingestion_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse import names
from lse.columns import with_pandas_types
from lse.errors import InvalidArgumentError
from lse.images.file_preparation import Prepared, Rejected, prepared_tensor
from lse.images.recipe import load_recipe
from lse.images.sources import Source
from lse.images.trace import Step, compared, drawn_trace, tried_recipe
from lse.platform.auth import current_caller
from lse.platform.catalogue import DatasetRecord
from lse.platform.catalogue.pages import decode_page_token, encode_page_token, page_limit
from lse.platform.catalogue.records.dataset import DatasetSpec
from lse.platform.guarded.reading import Reading
from lse.platform.prepared_images import image_line, image_rows, pixel_blocks, prepared_images
from lse.platform.rpc.collection import Collection
from lse.platform.rpc.messages import metadata_fields, table_chunks
from lse.platform.rpc.projects import page_of_projects, project_to_pb
from lse.platform.rpc.rows import checked_columns, rows_of, some_rows
from lse.platform.rpc.uploads import first_header, keep_uploads, make_of_upload, upload_limit
from lse.platform.wiring import Platform
from lse.rows import bitmap_of_rows, pack_bitmap
from lse.services.ingestion.assembly import THUMBNAILS_PER_GROUP
from lse.services.ingestion.catalogues import AskedCatalogue, JoinPreview, preview_join, preview_sent_join
from lse.services.ingestion.duplicates import equal_images
from lse.services.ingestion.fetching import fetched_file
from lse.services.ingestion.guarded_files import original_file, traced_files
from lse.services.ingestion.image_listing import select_lines, thumbnail_rows
from lse.services.ingestion.image_services import found_images, is_image_service
from lse.services.ingestion.jobs import AddedSources, add_images, ingest_dataset
from lse.services.ingestion.previews import Preview, preview_of
from lse.services.ingestion.sent_files import at_hand, checked_file_name, checked_stack_name, is_sent, sent_folder
from lse.services.ingestion.sky_match import checked_radius
from lse.services.ingestion.source_table import source_of_line
from lse.services.ingestion.sources_asked import checked_sources
from lse.services.ingestion.subset import subset_dataset
from lse.services.ingestion.templates import addressed_sources, is_template
from lse.tables.image_table import FIXED_COLUMNS
from lse.values import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IngestionServicer", "register"]

_PIECE = 1 << 20


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    ingestion_pb2_grpc.add_IngestionServiceServicer_to_server(IngestionServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["IngestionService"].full_name)


class IngestionServicer(ingestion_pb2_grpc.IngestionServiceServicer):
    """Answers ``latentspace.ingestion.v1.IngestionService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._projects = platform.access.projects
        self._artifacts = platform.artifacts
        self._reading = platform.reading
        self._datasets = Collection(platform, DatasetRecord, pb.Dataset, large=["sources", "recipe", "versions"])
        self._datasets.register("IngestDataset", ingest_dataset)
        self._datasets.register("ImportDataset", ingest_dataset)
        self._datasets.register("AddImages", add_images)
        self._datasets.register("SubsetDataset", subset_dataset)
        # Artifacts never change under their URI, so what was read once stays right.
        self._listed = lru_cache(maxsize=8)(partial(select_lines, platform.artifacts))
        self._rows = lru_cache(maxsize=4)(partial(image_rows, platform.artifacts))
        self._thumbnails = lru_cache(maxsize=128)(platform.artifacts.read_row_group)

    def ListProjects(self, request: pb.ListProjectsRequest, context: Any) -> pb.ListProjectsResponse:
        """List the projects that the caller may see."""
        found, token = page_of_projects(self._projects.visible(current_caller()), request)
        return pb.ListProjectsResponse(projects=map(project_to_pb, found), next_page_token=token)

    def ListDatasets(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        """List the datasets of a project."""
        return self._datasets.list(request, pb.ListDatasetsResponse)

    def GetDataset(self, request: pb.GetDatasetRequest, context: Any) -> pb.Dataset:
        """Get a dataset."""
        return self._datasets.get(request)

    def IngestDataset(self, request: pb.IngestDatasetRequest, context: Any) -> operations_pb2.Operation:
        """Make a dataset of sources."""
        checked_sources(self._reading, request.parent, request.sources, request.catalogue)
        if request.recipe:
            load_recipe(request.recipe)
        spec = DatasetSpec(
            sources=tuple(request.sources),
            recipe=request.recipe,
            catalogue=request.catalogue,
            catalogue_key=request.catalogue_key,
            catalogue_radius_arcsec=checked_radius(request.catalogue_radius_arcsec),
        )
        return self._datasets.make(request, spec)

    async def ImportDataset(
        self, request_iterator: AsyncIterator[pb.ImportDatasetRequest], context: Any
    ) -> operations_pb2.Operation:
        """Make a dataset of files that are sent."""
        header, content = await first_header(request_iterator)
        file_name, catalogue = checked_stack_name(header.file_name), header.catalogue_name
        if header.recipe:
            load_recipe(header.recipe)
        spec = DatasetSpec(
            sources=(file_name,),
            recipe=header.recipe,
            catalogue=catalogue and checked_file_name(catalogue, "a catalogue"),
            catalogue_key=header.catalogue_key,
            catalogue_radius_arcsec=checked_radius(header.catalogue_radius_arcsec),
            sent=True,
        )
        if catalogue == file_name:
            message = f"The catalogue and the file of images are both called {catalogue!r}: rename one of them."
            raise InvalidArgumentError(message, reason="NAME_INVALID", name=catalogue)
        record = self._datasets.new(header, spec)
        folder = sent_folder(self._artifacts, record.uid)
        return await make_of_upload(
            self._platform,
            "ImportDataset",
            record,
            header,
            content,
            before=[(f"{folder}/{catalogue}", header.catalogue_byte_count)] if catalogue else (),
            uri=f"{folder}/{file_name}",
        )

    def AddImages(self, request: pb.AddImagesRequest, context: Any) -> operations_pb2.Operation:
        """Add sources to a dataset."""
        self._datasets.ready(request.name)
        checked_sources(self._reading, names.DATASET.parent(request.name), request.sources, request.catalogue)
        added = AddedSources(
            sources=tuple(request.sources),
            catalogue=request.catalogue,
            catalogue_key=request.catalogue_key,
            catalogue_radius_arcsec=checked_radius(request.catalogue_radius_arcsec),
        )
        return self._datasets.change(request, added)

    def SubsetDataset(self, request: pb.SubsetDatasetRequest, context: Any) -> operations_pb2.Operation:
        """Make a dataset of some images of another one."""
        names.PROJECT.parse(request.parent)
        if names.DATASET.parent(request.dataset) != request.parent:
            raise InvalidArgumentError(
                f"The dataset {request.dataset} is of another project: name one of {request.parent}.",
                reason="PROJECT_MISMATCH",
            )
        whole = self._datasets.ready(request.dataset)
        count = whole.result.prepared_count
        if request.complement:
            rows = np.setdiff1d(np.arange(count), rows_of(request.rows, count=count, dataset=whole.id))
            if not len(rows):
                message = f"No image of the dataset '{whole.id}' is left: leave out fewer."
                raise InvalidArgumentError(message, reason="ROWS_MISSING")
        else:
            rows = some_rows(request.rows, count=count, dataset=whole.id)
        packed = pack_bitmap(bitmap_of_rows(rows))
        return self._datasets.make(request, DatasetSpec(subset_of=whole.name, packed_rows=packed))

    def UpdateDataset(self, request: pb.UpdateDatasetRequest, context: Any) -> pb.Dataset:
        """Update the title and the description of a dataset."""
        return self._datasets.update(request)

    def DeleteDataset(self, request: pb.DeleteDatasetRequest, context: Any) -> empty_pb2.Empty:
        """Delete a dataset."""
        return self._datasets.delete(request)

    def PreviewRecipe(self, request: pb.PreviewRecipeRequest, context: Any) -> pb.PreviewRecipeResponse:
        """Show what a recipe makes of a few sources."""
        reading = checked_sources(self._reading, request.parent, request.sources, request.catalogue)
        if any(map(is_template, request.sources)):
            addressed_sources(request.sources, None)  # which says that it takes a catalogue
        if any(map(is_image_service, request.sources)):
            found_images(reading, request.sources, None, cut_here=False)  # likewise
        catalogue = request.catalogue
        exclude = [catalogue] if catalogue else []
        found = preview_of(reading, request.sources, request.recipe, request.image_count, exclude=exclude)
        if not catalogue:
            return _preview_to_pb(found)
        with fetched_file(reading, catalogue) as path:
            return _preview_to_pb(found, preview_join(reading, _asked(request, path), found.sources))

    async def PreviewUpload(
        self, request_iterator: AsyncIterator[pb.PreviewUploadRequest], context: Any
    ) -> pb.PreviewRecipeResponse:
        """Show what a recipe makes of a few images of a file that is sent and not kept."""
        header, content = await first_header(request_iterator)
        names.PROJECT.parse(header.parent)
        file_name = checked_stack_name(header.file_name)
        reading, largest = self._reading.of_project(header.parent), upload_limit(self._platform, header.parent)
        with tempfile.TemporaryDirectory(prefix="lse-") as folder:
            path, before, join = Path(folder) / file_name, [], None
            if header.catalogue_name:
                table = Path(folder, "catalogue", checked_file_name(header.catalogue_name, "a catalogue"))
                table.parent.mkdir()
                before = [(table, header.catalogue_byte_count)]
            await keep_uploads(content, before, path, largest=largest)
            found = await asyncio.to_thread(preview_of, reading, [str(path)], header.recipe, header.image_count)
            if before:
                paths = header.image_paths or [source.member or source.relative for source in found.sources]
                join = await asyncio.to_thread(preview_sent_join, reading, _asked(header, table), file_name, paths)
        answer = _preview_to_pb(found, join)
        for image in answer.images:
            image.source = image.source.removeprefix(f"{folder}/")
        return answer

    def ListImages(self, request: pb.ListImagesRequest, context: Any) -> pb.ListImagesResponse:
        """List the images of a dataset."""
        dataset = self._datasets.ready(request.parent)
        uri = dataset.result.table_uri
        listed = (uri, request.filter, request.order_by)
        size = page_limit(request.page_size)
        (start,) = decode_page_token(request.page_token, of=listed) or [0]
        end = int(start) + size
        if request.filter or request.order_by:
            lines: NDArray[np.int64] | range = self._listed(*listed)
        else:
            lines = range(dataset.result.prepared_count + dataset.result.rejected_count)
        count, page = len(lines), self._artifacts.read_table(uri, rows=lines[int(start) : end])
        return pb.ListImagesResponse(
            images=[_image_to_pb(dataset, row) for row in page.to_pylist()],
            next_page_token=encode_page_token([end], of=listed) if end < count else "",
        )

    def GetImage(self, request: pb.GetImageRequest, context: Any) -> pb.Image:
        """Get an image with its metadata."""
        dataset, line = self._line(request.name)
        table = self._artifacts.read_table(dataset.result.table_uri, rows=range(line, line + 1))
        return _image_to_pb(dataset, table.to_pylist()[0])

    def _line(self, name: str) -> tuple[DatasetRecord, int]:
        """Dataset of an image, and the line of the image in its table."""
        project, dataset_id, image = names.IMAGE.parse(name)
        dataset = self._datasets.ready(names.DATASET.format(project, dataset_id))
        return dataset, image_line(image, self._rows(dataset.result.table_uri), dataset=dataset_id)

    def BatchGetThumbnails(self, request: pb.BatchGetThumbnailsRequest, context: Any) -> pb.BatchGetThumbnailsResponse:
        """Get the thumbnails of some images."""
        dataset = self._datasets.ready(request.parent)
        pictures = []
        for row in thumbnail_rows(request.rows, dataset):
            group = self._thumbnails(dataset.result.thumbnails_uri, row // THUMBNAILS_PER_GROUP)
            pictures.append(group["thumbnail"][row % THUMBNAILS_PER_GROUP].as_py())
        return pb.BatchGetThumbnailsResponse(thumbnails=pictures)

    def TraceImage(self, request: pb.TraceImageRequest, context: Any) -> pb.TraceImageResponse:
        """Show one image of a dataset through every step of its preparation."""
        dataset, line = self._line(request.name)
        found = dataset.result
        row = self._artifacts.read_table(found.table_uri, rows=range(line, line + 1)).to_pylist()[0]
        source, reading = self._source(dataset, line)
        recipe = tried_recipe(request.recipe, of=found.recipe)
        channels = None if request.recipe else len(found.channels)
        with at_hand(self._artifacts, [source]) as readable:
            (trace,) = traced_files(reading, readable, recipe, channels=channels, pictures=True)
        stored = None if row["row"] < 0 else np.asarray(self._artifacts.open_array(found.images_uri)[row["row"]])
        rejected = trace.outcome if isinstance(trace.outcome, Rejected) else None
        return pb.TraceImageResponse(
            image=_image_to_pb(dataset, row),
            steps=[_step_to_pb(step) for step in (*trace.steps, compared(trace, stored, row))],
            rejection_reason=rejected.reason if rejected else "",
            rejection_message=rejected.message if rejected else "",
            png=drawn_trace(trace, row["name"]),
        )

    def _source(self, dataset: DatasetRecord, line: int) -> tuple[Source, Reading]:
        """Source of an image, which may still be read, and how."""
        source = source_of_line(self._artifacts, dataset.result, line)
        reading = self._reading.of_project(names.DATASET.parent(dataset.name))
        if not is_sent(source.path):  # files that were sent are the dataset's own
            reading.check([source.path, *(path for path in source.bands if path is not None)])
        return source, reading

    def ReadOriginal(self, request: pb.ReadOriginalRequest, context: Any) -> Iterator[pb.ReadOriginalResponse]:
        """Read an image again from its source, as it is there."""
        dataset, line = self._line(request.name)
        source, reading = self._source(dataset, line)
        with at_hand(self._artifacts, [source]) as (readable,):
            image = original_file(reading, readable, load_recipe(dataset.result.recipe))
        pixels = image.pixels
        header = pb.OriginalHeader(
            source=readable.location,
            channels=image.channels,
            height=pixels.shape[1],
            width=pixels.shape[2],
            dtype=str(pixels.dtype),
            unit=image.unit,
            wcs=image.wcs,
            metadata=metadata_fields(image.metadata),
        )
        content = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
        yield pb.ReadOriginalResponse(header=header)
        for first in range(0, len(content), _PIECE):
            yield pb.ReadOriginalResponse(data=content[first : first + _PIECE])

    def ReadDuplicates(self, request: pb.ReadDuplicatesRequest, context: Any) -> Iterator[TableChunk]:
        """Read which images of a dataset have the same pixels."""
        yield from table_chunks(equal_images(self._artifacts, self._datasets.ready(request.name).result))

    def PrepareImage(self, request: pb.PrepareImageRequest, context: Any) -> pb.PrepareImageResponse:
        """Prepare an image file by the recipe of a dataset."""
        dataset = self._datasets.ready(request.name)
        recipe = load_recipe(dataset.result.recipe)
        what = "The image file"
        tensor = self._reading.call(prepared_tensor, request.image_file, recipe, what, what=what)
        channels = dataset.result.channels
        if len(tensor) != len(channels):
            raise InvalidArgumentError(
                f"The image gives {counted(len(tensor), 'channel')} and the dataset has {len(channels)} "
                f"({', '.join(channels)}): choose an image like those of the dataset.",
                reason="CHANNEL_MISMATCH",
            )
        return pb.PrepareImageResponse(
            tensor=tensor.astype("<f4").tobytes(), channel_count=len(tensor), image_size=tensor.shape[-1]
        )

    def ReadImageArrays(self, request: pb.ReadImageArraysRequest, context: Any) -> Iterator[TableChunk]:
        """Read images as the recipe prepared them."""
        dataset = self._datasets.ready(request.name)
        rows = rows_of(request.rows, count=dataset.result.prepared_count, dataset=dataset.id)
        yield from table_chunks(pixel_blocks(self._artifacts, dataset.result.images_uri, rows))

    def ReadImageTable(self, request: pb.ReadImageTableRequest, context: Any) -> Iterator[TableChunk]:
        """Read the table of all images."""
        dataset = self._datasets.ready(request.name)
        uri, artifacts = dataset.result.table_uri, self._artifacts
        known, what = artifacts.table_schema(uri).names, f"The dataset '{dataset.id}'"
        columns = checked_columns(request.columns, known, what=what, always=["name", "row"])
        if request.rows.WhichOneof("rows"):
            rows = rows_of(request.rows, count=dataset.result.prepared_count, dataset=dataset.id)
            yield from table_chunks(prepared_images(artifacts, uri, columns, rows))
        else:
            groups = artifacts.row_groups(uri, columns)
            yield from table_chunks(with_pandas_types(group.select(columns)) for group in groups)


def _step_to_pb(step: Step) -> pb.TraceStep:
    return pb.TraceStep(step=step.name, summary=step.summary, facts=metadata_fields(step.facts))


def _asked(request: pb.PreviewRecipeRequest | pb.PreviewUploadHeader, path: Path) -> AskedCatalogue:
    return AskedCatalogue(path, request.catalogue_key, request.catalogue_radius_arcsec)


def _preview_to_pb(preview: Preview, join: JoinPreview | None = None) -> pb.PreviewRecipeResponse:
    answer = pb.PreviewRecipeResponse(
        recipe=preview.chosen.recipe.to_yaml(),
        source_count=len(preview.sources),
        notes=preview.notes,
        source_channels=preview.chosen.source_channels,
        catalogue=None if join is None else pb.PreviewedCatalogue(**dataclasses.asdict(join)),
    )
    for channel, counts in preview.histograms.items():
        answer.histograms.add(channel=channel, low=preview.low, high=preview.high, counts=counts)
    for trace in preview.traces:
        outcome = trace.outcome
        image = answer.images.add(source=outcome.source.location, steps=map(_step_to_pb, trace.steps))
        if isinstance(outcome, Prepared):
            image.thumbnail = outcome.thumbnail
        else:
            image.rejection_reason, image.rejection_message = outcome.reason, outcome.message
    return answer


def _image_to_pb(dataset: DatasetRecord, row: dict[str, Any]) -> pb.Image:
    image = pb.Image(
        name=names.image_of(dataset.name, row["name"]),
        row=row["row"],
        source=row["source"],
        status=pb.Image.Status.Value(f"STATUS_{row['status'].upper()}"),
        rejection_reason=row["reason"] or "",
        rejection_message=row["message"] or "",
        metadata=metadata_fields(
            {key: value for key, value in row.items() if key not in FIXED_COLUMNS and value is not None}
        ),
    )
    if row["ra_deg"] is not None and row["dec_deg"] is not None:
        image.ra_deg, image.dec_deg = row["ra_deg"], row["dec_deg"]
    return image
