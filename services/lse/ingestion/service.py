"""The ingestion service: datasets and their images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import grpc
import pyarrow.compute as pc
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.ingestion.v1 import ingestion_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.ingestion.image_table import FIXED_COLUMNS
from lse.ingestion.jobs import THUMBNAILS_PER_GROUP, add_images, choose_recipe, ingest_dataset, spread
from lse.ingestion.preparation import Prepared, prepare_file
from lse.ingestion.readers import read_image
from lse.ingestion.recipes import load_recipe, prepare_image
from lse.ingestion.sources import find_sources
from lse.platform import names
from lse.platform.catalogue import Resource
from lse.platform.catalogue.resources import decode_page_token, encode_page_token, page_limit
from lse.platform.errors import InvalidArgumentError, NotFoundError
from lse.platform.operations.servicer import operation_to_pb
from lse.platform.rpc.messages import metadata_fields, packed, resource_fields, table_chunks, timestamp
from lse.platform.wiring import Platform

__all__ = ["IngestionServicer", "register"]

_MOST_THUMBNAILS = 1000


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    platform.runner.register(
        "IngestDataset", ingest_dataset, resource_kind="dataset", respond=lambda r: packed(dataset_to_pb(r))
    )
    platform.runner.register(
        "AddImages", add_images, resource_kind="dataset", respond=lambda r: packed(dataset_to_pb(r))
    )
    ingestion_pb2_grpc.add_IngestionServiceServicer_to_server(IngestionServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["IngestionService"].full_name)


class IngestionServicer(ingestion_pb2_grpc.IngestionServiceServicer):
    """Answers ``latentspace.ingestion.v1.IngestionService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources
        self._artifacts = platform.artifacts
        # Artifacts never change under their URI, so what was read once stays right.
        self._table = lru_cache(maxsize=4)(self._artifacts.read_table)
        self._thumbnails = lru_cache(maxsize=128)(self._artifacts.read_row_group)

    def ListProjects(self, request: pb.ListProjectsRequest, context: Any) -> pb.ListProjectsResponse:
        """List the projects."""
        size = page_limit(request.page_size)
        after = decode_page_token(request.page_token) if request.page_token else ""
        found = [(name, created) for name, created in self._resources.projects() if name > after]
        return pb.ListProjectsResponse(
            projects=[pb.Project(name=name, create_time=timestamp(created)) for name, created in found[:size]],
            next_page_token=encode_page_token(found[size - 1][0]) if len(found) > size else "",
        )

    def ListDatasets(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        """List the datasets of a project."""
        names.PROJECT.parse(request.parent)
        page = self._resources.page(
            "dataset", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListDatasetsResponse(
            datasets=[dataset_to_pb(resource) for resource in page.resources], next_page_token=page.next_page_token
        )

    def GetDataset(self, request: pb.GetDatasetRequest, context: Any) -> pb.Dataset:
        """Get a dataset."""
        names.DATASET.parse(request.name)
        return dataset_to_pb(self._resources.get(request.name, "dataset"))

    def IngestDataset(self, request: pb.IngestDatasetRequest, context: Any) -> operations_pb2.Operation:
        """Make a dataset of sources."""
        names.PROJECT.parse(request.parent)
        names.check_id(request.dataset_id, "dataset")
        _check_sources(request.sources, request.catalogue)
        if request.recipe:
            load_recipe(request.recipe)
        parameters = {
            "sources": list(request.sources),
            "recipe": request.recipe,
            "catalogue": request.catalogue,
            "catalogue_key": request.catalogue_key,
        }
        operation = self._platform.operation_store.create(
            "IngestDataset",
            request.parent,
            Resource(
                f"{request.parent}/datasets/{request.dataset_id}",
                "dataset",
                request.parent,
                spec={"sources": parameters["sources"], "recipe": request.recipe},
            ),
            parameters=parameters,
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    def AddImages(self, request: pb.AddImagesRequest, context: Any) -> operations_pb2.Operation:
        """Add sources to a dataset."""
        (project, _) = names.DATASET.parse(request.name)
        self._resources.get_ready(request.name, "dataset")
        _check_sources(request.sources, request.catalogue)
        operation = self._platform.operation_store.create(
            "AddImages",
            names.PROJECT.format(project),
            request.name,
            parameters={"sources": list(request.sources), "catalogue": request.catalogue},
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    def DeleteDataset(self, request: pb.DeleteDatasetRequest, context: Any) -> empty_pb2.Empty:
        """Delete a dataset."""
        names.DATASET.parse(request.name)
        self._platform.delete(self._resources.get(request.name, "dataset"), force=request.force)
        return empty_pb2.Empty()

    def PreviewRecipe(self, request: pb.PreviewRecipeRequest, context: Any) -> pb.PreviewRecipeResponse:
        """Show what a recipe makes of a few sources."""
        _check_sources(request.sources, "")
        sources = find_sources(list(request.sources))
        recipe, _ = choose_recipe(sources, request.recipe)
        images = []
        for source in spread(sources, min(request.image_count or 8, 64)):
            outcome = prepare_file(source, recipe)
            if isinstance(outcome, Prepared):
                images.append(pb.PreviewedImage(source=str(source.path), thumbnail=outcome.thumbnail))
            else:
                images.append(
                    pb.PreviewedImage(
                        source=str(source.path),
                        rejection_reason=outcome.reason,
                        rejection_message=outcome.message,
                    )
                )
        return pb.PreviewRecipeResponse(recipe=recipe.to_yaml(), source_count=len(sources), images=images)

    def ListImages(self, request: pb.ListImagesRequest, context: Any) -> pb.ListImagesResponse:
        """List the images of a dataset."""
        names.DATASET.parse(request.parent)
        dataset = self._resources.get_ready(request.parent, "dataset")
        table = self._table(dataset.result["table_uri"])
        if request.status != pb.Image.STATUS_UNSPECIFIED:
            wanted = pb.Image.Status.Name(request.status).removeprefix("STATUS_").lower()
            table = table.filter(pc.equal(table["status"], wanted))
        size = page_limit(request.page_size)
        start = int(decode_page_token(request.page_token)) if request.page_token else 0
        end = start + size
        return pb.ListImagesResponse(
            images=[_image_to_pb(dataset, row) for row in table.slice(start, size).to_pylist()],
            next_page_token=encode_page_token(str(end)) if end < table.num_rows else "",
        )

    def GetImage(self, request: pb.GetImageRequest, context: Any) -> pb.Image:
        """Get an image with its metadata."""
        project, dataset_id, image = names.IMAGE.parse(request.name)
        dataset = self._resources.get_ready(names.DATASET.format(project, dataset_id), "dataset")
        table = self._table(dataset.result["table_uri"])
        found = table.filter(pc.equal(table["name"], image))
        if not found.num_rows:
            raise NotFoundError(
                f"The dataset '{dataset_id}' has no image named '{image}'.", reason="IMAGE_NOT_FOUND", name=request.name
            )
        return _image_to_pb(dataset, found.to_pylist()[0])

    def BatchGetThumbnails(self, request: pb.BatchGetThumbnailsRequest, context: Any) -> pb.BatchGetThumbnailsResponse:
        """Get the thumbnails of some images."""
        names.DATASET.parse(request.parent)
        dataset = self._resources.get_ready(request.parent, "dataset")
        if len(request.rows) > _MOST_THUMBNAILS:
            raise InvalidArgumentError(
                f"{len(request.rows)} thumbnails are too many: ask for at most {_MOST_THUMBNAILS} at a time.",
                reason="TOO_MANY_ROWS",
            )
        pictures = []
        for row in request.rows:
            if not 0 <= row < dataset.result["prepared"]:
                raise InvalidArgumentError(
                    f"The dataset '{dataset.id}' has no row {row}: rows go from 0 to {dataset.result['prepared'] - 1}.",
                    reason="ROW_OUT_OF_RANGE",
                )
            group = self._thumbnails(dataset.result["thumbnails_uri"], row // THUMBNAILS_PER_GROUP)
            pictures.append(group["thumbnail"][row % THUMBNAILS_PER_GROUP].as_py())
        return pb.BatchGetThumbnailsResponse(thumbnails=pictures)

    def PrepareImage(self, request: pb.PrepareImageRequest, context: Any) -> pb.PrepareImageResponse:
        """Prepare an image file by the recipe of a dataset."""
        names.DATASET.parse(request.name)
        dataset = self._resources.get_ready(request.name, "dataset")
        image = read_image(request.image_file, name="The image file")
        tensor = prepare_image(image, load_recipe(dataset.result["recipe"])).tensor
        channels = dataset.result["channels"]
        if len(tensor) != len(channels):
            raise InvalidArgumentError(
                f"The image gives {len(tensor)} channels and the dataset has {len(channels)} "
                f"({', '.join(channels)}): choose an image like those of the dataset.",
                reason="CHANNEL_MISMATCH",
            )
        return pb.PrepareImageResponse(
            tensor=tensor.astype("<f4").tobytes(), channel_count=len(tensor), image_size=tensor.shape[-1]
        )

    def ReadImageTable(self, request: pb.ReadImageTableRequest, context: Any) -> Iterator[TableChunk]:
        """Read the table of all images."""
        names.DATASET.parse(request.name)
        dataset = self._resources.get_ready(request.name, "dataset")
        table = self._table(dataset.result["table_uri"])
        if request.columns:
            unknown = [column for column in request.columns if column not in table.column_names]
            if unknown:
                raise InvalidArgumentError(
                    f"The dataset '{dataset.id}' has no column '{unknown[0]}': it has {', '.join(table.column_names)}.",
                    reason="UNKNOWN_COLUMN",
                    column=unknown[0],
                )
            table = table.select(list(dict.fromkeys(["name", "row", *request.columns])))
        yield from table_chunks(table)


def _check_sources(sources: Any, catalogue: str) -> None:
    if not sources:
        raise InvalidArgumentError("No sources are given: name files or folders of images.", reason="NO_SOURCES")
    for path in [*sources, *([catalogue] if catalogue else [])]:
        if not Path(path).exists():
            raise NotFoundError(
                f"There is no file or folder '{path}' where the service runs: correct the path.",
                reason="SOURCE_NOT_FOUND",
                path=path,
            )


def dataset_to_pb(resource: Resource) -> pb.Dataset:
    """Message of a dataset."""
    result = resource.result
    return pb.Dataset(
        **resource_fields(resource),
        sources=result.get("sources", resource.spec.get("sources", [])),
        recipe=result.get("recipe", resource.spec.get("recipe", "")),
        prepared_count=result.get("prepared", 0),
        rejected_count=result.get("rejected", 0),
        channels=result.get("channels", []),
        image_size=result.get("size", 0),
        columns=[
            pb.Column(key=key, type=pb.Column.Type.Value(f"TYPE_{kind.upper()}"))
            for key, kind in result.get("columns", {}).items()
        ],
        simulated=result.get("simulated", False),
        notes=result.get("notes", []),
    )


def _image_to_pb(dataset: Resource, row: dict[str, Any]) -> pb.Image:
    image = pb.Image(
        name=f"{dataset.name}/images/{row['name']}",
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
