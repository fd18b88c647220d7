"""The annotation service: label schemes, labels, remarks, selections, bookmarks, exported catalogues."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import empty_pb2

from latentspace.annotation.v1 import annotation_pb2 as pb
from latentspace.annotation.v1 import annotation_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.analysis.agreement import agreement
from lse.analysis.suggestions import expected_interest, suggest_images
from lse.errors import InvalidArgumentError, ResourceExhaustedError
from lse.platform.catalogue import BookmarkRecord, DatasetRecord, ExperimentRecord, LabelSchemeRecord, SelectionRecord
from lse.platform.catalogue.records.bookmark import BookmarkSpec
from lse.platform.catalogue.records.label_scheme import LabelSchemeSpec
from lse.platform.catalogue.records.selection import SelectionSpec
from lse.platform.catalogue.resources import RecordT
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.collection import Collection
from lse.platform.rpc.messages import table_chunks
from lse.platform.rpc.rows import checked_columns, checked_count, rows_of, some_rows
from lse.platform.wiring import Platform
from lse.services.annotation.bookmarks import check_query, unpin_others
from lse.services.annotation.experiment_table import ExperimentTables
from lse.services.annotation.labels import LabelStore
from lse.services.annotation.remarks import Change, RemarkStore
from lse.services.annotation.schemes import check_classes, check_definitions, check_labels, defined
from lse.tables.exports import EXPORTERS, write_catalogue

__all__ = ["AnnotationServicer", "register"]

_PIECE_BYTES = 1 << 20
_SUGGESTED = 20
_MOST_SUGGESTED = 1000
_MOST_RANKED = 2**31 - 1


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    annotation_pb2_grpc.add_AnnotationServiceServicer_to_server(AnnotationServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["AnnotationService"].full_name)


class AnnotationServicer(annotation_pb2_grpc.AnnotationServiceServicer):
    """Answers ``latentspace.annotation.v1.AnnotationService``."""

    def __init__(self, platform: Platform) -> None:
        self._resources = platform.resources
        self._artifacts = platform.artifacts
        self._schemes = Collection(platform, LabelSchemeRecord, pb.LabelScheme)
        self._selections = Collection(platform, SelectionRecord, pb.Selection, large=["rows"])
        self._bookmarks = Collection(platform, BookmarkRecord, pb.Bookmark)
        self._labels = LabelStore(platform.catalogue, platform.resources)
        self._remarks = RemarkStore(platform.catalogue, platform.resources)
        self._tables = ExperimentTables(platform.resources, platform.artifacts, self._labels, self._remarks)

    # Label schemes

    def ListLabelSchemes(self, request: pb.ListLabelSchemesRequest, context: Any) -> pb.ListLabelSchemesResponse:
        """List the label schemes of a project."""
        listed = self._schemes.list(request, pb.ListLabelSchemesResponse)
        versions = self._labels.versions(request.parent)
        for scheme in listed.label_schemes:
            scheme.labels_version = versions.get(scheme.name, "")
        return listed

    def GetLabelScheme(self, request: pb.GetLabelSchemeRequest, context: Any) -> pb.LabelScheme:
        """Get a label scheme."""
        return self._schemes.get(request)

    def CreateLabelScheme(self, request: pb.CreateLabelSchemeRequest, context: Any) -> pb.LabelScheme:
        """Make a label scheme."""
        given = request.label_scheme
        classes = check_classes(given.classes)
        definitions = check_definitions(_definitions(given), classes)
        return self._schemes.create(request, given, LabelSchemeSpec(classes=classes, class_definitions=definitions))

    def UpdateLabelScheme(self, request: pb.UpdateLabelSchemeRequest, context: Any) -> pb.LabelScheme:
        """Change a label scheme."""
        given = _definitions(request.label_scheme)
        spec = {"classes": lambda new: check_classes(new.classes), "class_definitions": lambda _: dict(given)}
        return self._schemes.update(request, spec=spec, settle=partial(defined, given=given), check=check_labels)

    def DeleteLabelScheme(self, request: pb.DeleteLabelSchemeRequest, context: Any) -> empty_pb2.Empty:
        """Delete a label scheme with its labels."""
        return self._schemes.delete(request)

    # Labels

    def SetLabels(self, request: pb.SetLabelsRequest, context: Any) -> pb.SetLabelsResponse:
        """Give images a class, or take it away."""
        dataset = self._get(request.dataset, DatasetRecord, beside=request.name)
        rows = some_rows(request.rows, count=dataset.result.prepared_count, dataset=dataset.id)
        changed = self._labels.set(request.name, dataset, rows, label=request.label)
        return pb.SetLabelsResponse(changed_count=changed)

    def ReadLabels(self, request: pb.ReadLabelsRequest, context: Any) -> Iterator[TableChunk]:
        """Read the labels of a dataset."""
        scheme = self._schemes.ready(request.name)
        dataset = self._get(request.dataset, DatasetRecord, beside=request.name)
        table = self._labels.read(scheme, dataset, each_expert=request.each_expert)
        yield from self._said(request, dataset, table, what=f"The label scheme '{scheme.id}'")

    def CompareExperts(self, request: pb.CompareExpertsRequest, context: Any) -> pb.CompareExpertsResponse:
        """Compare what experts said."""
        scheme = self._schemes.ready(request.name)
        dataset = self._get(request.dataset, DatasetRecord, beside=request.name)
        said = self._labels.read(scheme, dataset, each_expert=True)
        found = agreement(said["row"].to_numpy(), said["label"].to_pylist(), said["author"].to_pylist())
        counts = zip(found.experts, found.images, found.shared_images, strict=True)
        return pb.CompareExpertsResponse(
            experts=[pb.ExpertCount(expert=one, image_count=own, shared_count=both) for one, own, both in counts],
            pairs=[
                pb.ExpertPair(
                    first=one.first,
                    second=one.second,
                    image_count=one.images,
                    agreement=one.agreement,
                    kappa=one.kappa,
                )
                for one in found.pairs
            ],
            shared_count=found.shared,
            alpha=found.alpha,
            disputed_rows=found.disputed.tolist(),
        )

    # Remarks

    def SetRemarks(self, request: pb.SetRemarksRequest, context: Any) -> pb.SetRemarksResponse:
        """Say how interesting images are, tag them, note something about them."""
        dataset = self._get(request.name, DatasetRecord)
        rows = some_rows(request.rows, count=dataset.result.prepared_count, dataset=dataset.id)
        change = Change(
            request.interest if request.HasField("interest") else None,
            tuple(request.add_tags),
            tuple(request.remove_tags),
            request.note if request.HasField("note") else None,
        )
        return pb.SetRemarksResponse(changed_count=self._remarks.set(dataset, rows, change))

    def ReadRemarks(self, request: pb.ReadRemarksRequest, context: Any) -> Iterator[TableChunk]:
        """Read the remarks of a dataset."""
        dataset = self._get(request.name, DatasetRecord)
        yield from self._said(request, dataset, self._remarks.read(dataset), what="A table of remarks")

    def RankByInterest(self, request: pb.RankByInterestRequest, context: Any) -> Iterator[TableChunk]:
        """Rank images by the interest that experts are likely to have in them."""
        experiment = self._get(request.name, ExperimentRecord)
        dataset = self._resources.get_ready(experiment.spec.dataset, DatasetRecord)
        found = experiment.result
        count = checked_count(request.image_count, usual=found.image_count, most=_MOST_RANKED, what="images")
        said = self._remarks.read(dataset)
        pairs = zip(said["row"].to_pylist(), said["interest"].to_pylist(), strict=True)
        interest = {row: value for row, value in pairs if value is not None and row < found.image_count}
        scores = expected_interest(
            self._artifacts.read_array(found.vectors_uri),
            self._artifacts.read_array(f"{found.neighbours_uri}/distances"),
            interest,
        )
        rows = np.argsort(-scores, kind="stable")
        if request.unjudged_only:
            rows = rows[~np.isin(rows, list(interest))]
        rows = rows[:count]
        names = prepared_images(self._artifacts, dataset.result.table_uri, ["name"], np.sort(rows))["name"]
        yield from table_chunks(
            pa.table(
                {
                    "name": names.take(pa.array(np.argsort(np.argsort(rows)))),
                    "row": rows,
                    "score": scores[rows],
                    "interest": pa.array([interest.get(row) for row in rows.tolist()], pa.int32()),
                }
            )
        )

    def _said(
        self,
        request: pb.ReadLabelsRequest | pb.ReadRemarksRequest,
        dataset: DatasetRecord,
        table: pa.Table,
        *,
        what: str,
    ) -> Iterator[TableChunk]:
        """Rows and columns of what was said of images, with their names where these are asked for."""
        if request.rows.WhichOneof("rows"):
            rows = rows_of(request.rows, count=dataset.result.prepared_count, dataset=dataset.id)
            table = table.filter(pc.is_in(table["row"], pa.array(np.asarray(rows, np.int64))))
        wanted = checked_columns(request.columns, ["name", *table.column_names], what=what, always=["row"])
        if "name" in wanted:
            names = prepared_images(self._artifacts, dataset.result.table_uri, ["name"], table["row"].to_numpy())
            table = table.add_column(0, "name", names["name"])
        yield from table_chunks(table.select(wanted))

    # Selections

    def ListSelections(self, request: pb.ListSelectionsRequest, context: Any) -> pb.ListSelectionsResponse:
        """List the selections of a project."""
        return self._selections.list(request, pb.ListSelectionsResponse)

    def GetSelection(self, request: pb.GetSelectionRequest, context: Any) -> pb.Selection:
        """Get a selection."""
        return self._selections.get(request)

    def CreateSelection(self, request: pb.CreateSelectionRequest, context: Any) -> pb.Selection:
        """Keep a set of rows of a dataset under a name."""
        given = request.selection
        dataset = self._get(given.dataset, DatasetRecord, beside=f"{request.parent}/")
        rows = some_rows(given.rows, count=dataset.result.prepared_count, dataset=dataset.id)
        return self._selections.create(request, given, SelectionSpec.of_rows(dataset.name, rows))

    def UpdateSelection(self, request: pb.UpdateSelectionRequest, context: Any) -> pb.Selection:
        """Update the title and the description of a selection."""
        return self._selections.update(request)

    def DeleteSelection(self, request: pb.DeleteSelectionRequest, context: Any) -> empty_pb2.Empty:
        """Delete a selection."""
        return self._selections.delete(request)

    # Bookmarks

    def ListBookmarks(self, request: pb.ListBookmarksRequest, context: Any) -> pb.ListBookmarksResponse:
        """List the bookmarks of a project."""
        return self._bookmarks.list(request, pb.ListBookmarksResponse)

    def GetBookmark(self, request: pb.GetBookmarkRequest, context: Any) -> pb.Bookmark:
        """Get a bookmark."""
        return self._bookmarks.get(request)

    def CreateBookmark(self, request: pb.CreateBookmarkRequest, context: Any) -> pb.Bookmark:
        """Keep a view under a name."""
        given = request.bookmark
        made = self._bookmarks.create(request, given, BookmarkSpec(query=check_query(given.query)))
        if not given.pinned:
            return made
        pinned = pb.Bookmark(name=made.name, pinned=True)
        return self.UpdateBookmark(pb.UpdateBookmarkRequest(bookmark=pinned), context)

    def UpdateBookmark(self, request: pb.UpdateBookmarkRequest, context: Any) -> pb.Bookmark:
        """Change a bookmark; at most one of a project is pinned."""
        spec = {"query": lambda given: check_query(given.query), "pinned": lambda given: given.pinned}
        return self._bookmarks.update(request, spec=spec, check=partial(unpin_others, resources=self._resources))

    def DeleteBookmark(self, request: pb.DeleteBookmarkRequest, context: Any) -> empty_pb2.Empty:
        """Delete a bookmark."""
        return self._bookmarks.delete(request)

    # Catalogues and suggestions

    def ExportCatalogue(self, request: pb.ExportCatalogueRequest, context: Any) -> Iterator[pb.ExportCatalogueResponse]:
        """Write the catalogue of an experiment."""
        experiment = self._get(request.name, ExperimentRecord)
        EXPORTERS.parse(request.format_id, import_paths=False)
        selection = selected = None
        if request.selection:
            selection = self._selections.ready(request.selection)
            if selection.spec.dataset != experiment.spec.dataset:
                raise InvalidArgumentError(
                    f"The selection '{selection.id}' is of another dataset than the experiment '{experiment.id}': "
                    "choose one of its own.",
                    reason="DATASET_MISMATCH",
                )
            selected = selection.spec.rows
        catalogue = self._tables.build(experiment, selection=selection, selected=selected, vectors=request.vectors)
        # Through a file: the formats know their headers only at the end, and a reader may be slow.
        with tempfile.TemporaryFile() as file:
            try:
                write_catalogue(catalogue, request.format_id, file)
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
        count = checked_count(request.image_count, usual=_SUGGESTED, most=_MOST_SUGGESTED, what="images")
        scheme = self._schemes.ready(request.name)
        experiment = self._get(request.experiment, ExperimentRecord, beside=request.name)
        dataset = self._resources.get_ready(experiment.spec.dataset, DatasetRecord)
        labels = self._labels.read(scheme, dataset)
        suggestion = suggest_images(
            self._artifacts.read_array(experiment.result.vectors_uri),
            dict(zip(labels["row"].to_pylist(), labels["label"].to_pylist(), strict=True)),
            scheme.spec.classes,
            count=count,
        )
        return pb.SuggestImagesResponse(rows=suggestion.rows.tolist(), notes=suggestion.notes)

    def _get(self, name: str, kind: type[RecordT], *, beside: str = "") -> RecordT:
        """Resource that can be used, of the project of another one where that is given."""
        (project, *_) = kind.pattern.parse(name)
        if beside and not beside.startswith(f"projects/{project}/"):
            raise InvalidArgumentError(
                f"'{name}' is of another project: choose {kind.pattern.article} {kind.kind} of "
                f"{'/'.join(beside.split('/')[:2])}.",
                reason="PROJECT_MISMATCH",
            )
        return self._resources.get_ready(name, kind)


def _definitions(given: pb.LabelScheme) -> list[tuple[str, str]]:
    """Classes and what they mean, as a request says it."""
    return [(each.key, each.definition) for each in given.class_definitions]
