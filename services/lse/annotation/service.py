"""The annotation service: label schemes, labels, selections, exported catalogues."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf import empty_pb2

from latentspace.annotation.v1 import annotation_pb2 as pb
from latentspace.annotation.v1 import annotation_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.annotation.experiment_table import ExperimentTables
from lse.annotation.exports import write_catalogue
from lse.annotation.labels import LabelStore
from lse.annotation.schemes import Schemes
from lse.annotation.suggestions import suggest_images
from lse.platform import names
from lse.platform.bitmap import bitmap_of_rows, check_rows, pack_bitmap, rows_of_bitmap, unpack_bitmap
from lse.platform.catalogue import Resource
from lse.platform.catalogue.resources import encode_page_token
from lse.platform.errors import InvalidArgumentError, ResourceExhaustedError
from lse.platform.names import NamePattern
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.messages import table_chunks, timestamp
from lse.platform.wiring import Platform

__all__ = ["AnnotationServicer", "register"]

_PIECE_BYTES = 1 << 20
# Half of what a message may hold: the bitmap of the selection that exceeds it still fits in.
_PAGE_BYTES = 8 << 20
_SUGGESTED = 20
_MOST_SUGGESTED = 1000

_FORMATS = {
    pb.ExportCatalogueRequest.FORMAT_CSV: "csv",
    pb.ExportCatalogueRequest.FORMAT_PARQUET: "parquet",
    pb.ExportCatalogueRequest.FORMAT_VOTABLE: "votable",
    pb.ExportCatalogueRequest.FORMAT_FITS: "fits",
}


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    annotation_pb2_grpc.add_AnnotationServiceServicer_to_server(AnnotationServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["AnnotationService"].full_name)


class AnnotationServicer(annotation_pb2_grpc.AnnotationServiceServicer):
    """Answers ``latentspace.annotation.v1.AnnotationService``."""

    def __init__(self, platform: Platform) -> None:
        self._resources = platform.resources
        self._artifacts = platform.artifacts
        self._schemes = Schemes(platform.catalogue, platform.resources)
        self._labels = LabelStore(platform.catalogue, platform.resources)
        self._tables = ExperimentTables(platform.resources, platform.artifacts, self._labels)
        self._names_of = lru_cache(maxsize=4)(self._read_names)

    # Label schemes

    def ListLabelSchemes(self, request: pb.ListLabelSchemesRequest, context: Any) -> pb.ListLabelSchemesResponse:
        """List the label schemes of a project."""
        names.PROJECT.parse(request.parent)
        page = self._resources.page(
            "label scheme", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListLabelSchemesResponse(
            label_schemes=[scheme_to_pb(each) for each in page.resources], next_page_token=page.next_page_token
        )

    def GetLabelScheme(self, request: pb.GetLabelSchemeRequest, context: Any) -> pb.LabelScheme:
        """Get a label scheme."""
        return scheme_to_pb(self._get(request.name, names.LABEL_SCHEME))

    def CreateLabelScheme(self, request: pb.CreateLabelSchemeRequest, context: Any) -> pb.LabelScheme:
        """Make a label scheme."""
        names.PROJECT.parse(request.parent)
        names.check_id(request.label_scheme_id, "label scheme")
        given = request.label_scheme
        name = f"{request.parent}/labelSchemes/{request.label_scheme_id}"
        return scheme_to_pb(self._schemes.create(name, title=given.title, classes=given.classes))

    def UpdateLabelScheme(self, request: pb.UpdateLabelSchemeRequest, context: Any) -> pb.LabelScheme:
        """Change a label scheme."""
        given = request.label_scheme
        names.LABEL_SCHEME.parse(given.name)
        return scheme_to_pb(self._schemes.update(given.name, title=given.title, classes=given.classes))

    def DeleteLabelScheme(self, request: pb.DeleteLabelSchemeRequest, context: Any) -> empty_pb2.Empty:
        """Delete a label scheme with its labels."""
        names.LABEL_SCHEME.parse(request.name)
        self._schemes.delete(request.name)
        return empty_pb2.Empty()

    # Labels

    def SetLabels(self, request: pb.SetLabelsRequest, context: Any) -> pb.SetLabelsResponse:
        """Give images a class, or take it away."""
        names.LABEL_SCHEME.parse(request.name)
        dataset = self._get(request.dataset, names.DATASET, beside=request.name)
        rows = check_rows(request.rows_bitmap, count=dataset.result["prepared"], dataset=dataset.id)
        changed = self._labels.set(request.name, dataset, rows, label=request.label, author=request.author)
        return pb.SetLabelsResponse(changed_count=changed)

    def ReadLabels(self, request: pb.ReadLabelsRequest, context: Any) -> Iterator[TableChunk]:
        """Read the labels of a dataset."""
        scheme = self._get(request.name, names.LABEL_SCHEME)
        dataset = self._get(request.dataset, names.DATASET, beside=request.name)
        table = self._labels.read(scheme, dataset)
        name = self._names_of(dataset.result["table_uri"]).take(table["row"])
        yield from table_chunks(table.add_column(0, "name", name))

    def _read_names(self, table_uri: str) -> pa.ChunkedArray:
        """Names of the images of a dataset by their rows."""
        return prepared_images(self._artifacts, table_uri, ["name"])["name"]

    # Selections

    def ListSelections(self, request: pb.ListSelectionsRequest, context: Any) -> pb.ListSelectionsResponse:
        """List the selections of a project."""
        names.PROJECT.parse(request.parent)
        page = self._resources.page(
            "selection", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        selections: list[pb.Selection] = []
        size = 0
        for resource in page.resources:
            message = selection_to_pb(resource)
            size += message.ByteSize()
            if selections and size > _PAGE_BYTES:
                return pb.ListSelectionsResponse(
                    selections=selections, next_page_token=encode_page_token(selections[-1].name)
                )
            selections.append(message)
        return pb.ListSelectionsResponse(selections=selections, next_page_token=page.next_page_token)

    def GetSelection(self, request: pb.GetSelectionRequest, context: Any) -> pb.Selection:
        """Get a selection."""
        return selection_to_pb(self._get(request.name, names.SELECTION))

    def CreateSelection(self, request: pb.CreateSelectionRequest, context: Any) -> pb.Selection:
        """Keep a set of rows of a dataset under a name."""
        names.PROJECT.parse(request.parent)
        names.check_id(request.selection_id, "selection")
        given = request.selection
        dataset = self._get(given.dataset, names.DATASET, beside=f"{request.parent}/")
        rows = check_rows(given.rows_bitmap, count=dataset.result["prepared"], dataset=dataset.id)
        spec = {"dataset": dataset.name, "rows": pack_bitmap(bitmap_of_rows(rows)), "count": len(rows)}
        name = f"{request.parent}/selections/{request.selection_id}"
        return selection_to_pb(
            self._resources.create(Resource(name, "selection", request.parent, state="ready", spec=spec))
        )

    def DeleteSelection(self, request: pb.DeleteSelectionRequest, context: Any) -> empty_pb2.Empty:
        """Delete a selection."""
        self._resources.delete(self._get(request.name, names.SELECTION).name)
        return empty_pb2.Empty()

    # Catalogues and suggestions

    def ExportCatalogue(self, request: pb.ExportCatalogueRequest, context: Any) -> Iterator[pb.ExportCatalogueResponse]:
        """Write the catalogue of an experiment."""
        experiment = self._get(request.name, names.EXPERIMENT)
        form = _FORMATS.get(request.format)
        if form is None:
            raise InvalidArgumentError(
                f"No known format is given: choose {', '.join(_FORMATS.values())}.", reason="INVALID_FORMAT"
            )
        selection = selected = None
        if request.selection:
            selection = self._get(request.selection, names.SELECTION)
            if selection.spec["dataset"] != experiment.spec["dataset"]:
                raise InvalidArgumentError(
                    f"The selection '{selection.id}' is of another dataset than the experiment '{experiment.id}': "
                    "choose one of its own.",
                    reason="OTHER_DATASET",
                )
            selected = rows_of_bitmap(unpack_bitmap(selection.spec["rows"]))
        catalogue = self._tables.build(experiment, selection=selection, selected=selected, vectors=request.vectors)
        # Through a file: the formats know their headers only at the end, and a reader may be slow.
        with tempfile.TemporaryFile() as file:
            try:
                write_catalogue(catalogue, form, file)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise ResourceExhaustedError(
                        "The service's disk is full: make room in its folder for temporary files and export again.",
                        reason="DISK_FULL",
                    ) from error
                raise
            del catalogue
            file.seek(0)
            while piece := file.read(_PIECE_BYTES):
                yield pb.ExportCatalogueResponse(data=piece)

    def SuggestImages(self, request: pb.SuggestImagesRequest, context: Any) -> pb.SuggestImagesResponse:
        """Suggest images whose labels would teach most."""
        if request.image_count < 0:
            raise InvalidArgumentError(
                f"{request.image_count} images cannot be suggested: give 0 for {_SUGGESTED}.", reason="INVALID_COUNT"
            )
        scheme = self._get(request.name, names.LABEL_SCHEME)
        experiment = self._get(request.experiment, names.EXPERIMENT, beside=request.name)
        dataset = self._resources.get_ready(experiment.spec["dataset"], "dataset")
        labels = self._labels.read(scheme, dataset)
        suggestion = suggest_images(
            self._artifacts.read_array(experiment.result["vectors_uri"]),
            dict(zip(labels["row"].to_pylist(), labels["label"].to_pylist(), strict=True)),
            scheme.spec["classes"],
            count=min(request.image_count or _SUGGESTED, _MOST_SUGGESTED),
        )
        return pb.SuggestImagesResponse(rows=suggestion.rows.tolist(), notes=suggestion.notes)

    def _get(self, name: str, pattern: NamePattern, *, beside: str = "") -> Resource:
        """Resource that can be used, of the project of another one where that is given."""
        (project, *_) = pattern.parse(name)
        if beside and not beside.startswith(f"projects/{project}/"):
            raise InvalidArgumentError(
                f"'{name}' is of another project: choose a {pattern.kind} of {'/'.join(beside.split('/')[:2])}.",
                reason="OTHER_PROJECT",
            )
        return self._resources.get_ready(name, pattern.kind)


def scheme_to_pb(resource: Resource) -> pb.LabelScheme:
    """Message of a label scheme."""
    return pb.LabelScheme(
        name=resource.name,
        title=resource.spec["title"],
        classes=resource.spec["classes"],
        create_time=timestamp(resource.create_time),
        update_time=timestamp(resource.update_time),
    )


def selection_to_pb(resource: Resource) -> pb.Selection:
    """Message of a selection."""
    return pb.Selection(
        name=resource.name,
        dataset=resource.spec["dataset"],
        rows_bitmap=unpack_bitmap(resource.spec["rows"]),
        image_count=resource.spec["count"],
        create_time=timestamp(resource.create_time),
    )
