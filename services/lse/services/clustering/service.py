"""The clustering service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.clustering.v1 import clustering_pb2 as pb
from latentspace.clustering.v1 import clustering_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse import names
from lse.analysis.clusterers import CLUSTERERS
from lse.analysis.clusterers.hierarchy import Hierarchy
from lse.analysis.scores import compare_clusterings
from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.catalogue import ClusteringRecord, DatasetRecord, ExperimentRecord, ProjectionRecord
from lse.platform.catalogue.records.clustering import ClusteringSpec
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.collection import LONGEST_TITLE, Collection
from lse.platform.rpc.messages import (
    method_to_pb,
    parameters_from_pb,
    table_chunks,
)
from lse.platform.rpc.rows import checked_columns, rows_of
from lse.platform.wiring import Platform
from lse.services.clustering.jobs import hierarchy_of, run_clustering

__all__ = ["ClusteringServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    clustering_pb2_grpc.add_ClusteringServiceServicer_to_server(ClusteringServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["ClusteringService"].full_name)


class ClusteringServicer(clustering_pb2_grpc.ClusteringServiceServicer):
    """Answers ``latentspace.clustering.v1.ClusteringService``."""

    def __init__(self, platform: Platform) -> None:
        self._resources = platform.resources
        self._artifacts = platform.artifacts
        self._import_paths = platform.settings.allow_import_paths
        self._clusterings = Collection(platform, ClusteringRecord, pb.Clustering)
        for kind in ("RunClustering", "CutClustering"):
            self._clusterings.register(kind, run_clustering)

    def ListClusterings(self, request: pb.ListClusteringsRequest, context: Any) -> pb.ListClusteringsResponse:
        """List the clusterings of an experiment."""
        return self._clusterings.list(request, pb.ListClusteringsResponse)

    def GetClustering(self, request: pb.GetClusteringRequest, context: Any) -> pb.Clustering:
        """Get a clustering with its clusters."""
        return self._clusterings.get(request)

    def RunClustering(self, request: pb.RunClusteringRequest, context: Any) -> operations_pb2.Operation:
        """Run a clustering."""
        given = parameters_from_pb(request.parameters)
        in_force = CLUSTERERS.parse(request.method, given, import_paths=self._import_paths).model_dump()
        self._resources.get_ready(request.parent, ExperimentRecord)
        if request.projection:
            if names.PROJECTION.parent(request.projection) != request.parent:
                raise InvalidArgumentError(
                    f"The projection '{request.projection}' is of another experiment than '{request.parent}'.",
                    reason="EXPERIMENT_MISMATCH",
                )
            self._resources.get_ready(request.projection, ProjectionRecord)
        method = CLUSTERERS[request.method].id
        spec = ClusteringSpec(method=method, parameters=in_force, projection=request.projection)
        return self._clusterings.make(request, spec)

    def CutClustering(self, request: pb.CutClusteringRequest, context: Any) -> operations_pb2.Operation:
        """Make a clustering of another level."""
        if names.CLUSTERING.parent(request.source) != request.parent:
            raise InvalidArgumentError(
                f"The clustering '{request.source}' is of another experiment than '{request.parent}'.",
                reason="EXPERIMENT_MISMATCH",
            )
        hierarchy, form = self._hierarchy(request.source), request.WhichOneof("at")
        if form is None:
            raise InvalidArgumentError(
                "Nowhere to cut is given: name a level or a number of clusters.", reason="LEVEL_INVALID"
            )
        level = request.level if form == "level" else hierarchy.level_of(request.cluster_count)
        hierarchy.cut(level)
        source = self._clusterings.ready(request.source).spec
        spec = ClusteringSpec(
            method=source.method,
            parameters=source.parameters,
            projection=source.projection,
            cut_from=request.source,
            cut_level=level,
        )
        return self._clusterings.make(request, spec)

    def UpdateClustering(self, request: pb.UpdateClusteringRequest, context: Any) -> pb.Clustering:
        """Update the title and the description of a clustering, and the titles of its clusters."""
        if len(request.clustering.cluster_titles):
            known = self._clusterings.ready(request.clustering.name).result.clusters
            _check_titles(request.clustering, {each.cluster for each in known})
        return self._clusterings.update(request, spec={"cluster_titles": _titles})

    def DeleteClustering(self, request: pb.DeleteClusteringRequest, context: Any) -> empty_pb2.Empty:
        """Delete a clustering."""
        return self._clusterings.delete(request)

    def CompareClusterings(self, request: pb.CompareClusteringsRequest, context: Any) -> pb.CompareClusteringsResponse:
        """Compare a clustering with another, or with a metadata column."""
        experiment = names.CLUSTERING.parent(request.name)
        labels = self._labels(request.name)
        first, first_names = labels, [str(label) for label in range(labels.max() + 1)]
        if request.WhichOneof("other") == "column":
            second, second_names = self._column(experiment, request.column, len(labels))
        elif request.WhichOneof("other") == "clustering":
            if names.CLUSTERING.parent(request.clustering) != experiment:
                raise InvalidArgumentError(
                    "The clusterings are of different experiments: compare two of one.", reason="EXPERIMENT_MISMATCH"
                )
            second = self._labels(request.clustering)
            second_names = [str(label) for label in range(second.max() + 1)]
        else:
            raise InvalidArgumentError(
                "Nothing to compare with is given: name a clustering or a column.", reason="COMPARISON_INVALID"
            )
        comparison = compare_clusterings(first, second)
        table = comparison.table
        return pb.CompareClusteringsResponse(
            adjusted_rand=comparison.adjusted_rand,
            normalised_mutual_information=comparison.mutual_information,
            row_labels=_named(table.index.to_numpy(), first_names, "noise"),
            column_labels=_named(table.columns.to_numpy(), second_names, "none"),
            counts=table.to_numpy().ravel().tolist(),
        )

    def ReadAssignments(self, request: pb.ReadAssignmentsRequest, context: Any) -> Iterator[TableChunk]:
        """Read the assignments."""
        clustering = self._clusterings.ready(request.name)
        cut = self._hierarchy(request.name).cut(request.level) if request.HasField("level") else None
        result, what = clustering.result, f"The clustering '{clustering.id}'"
        rows = rows_of(request.rows, count=result.image_count, dataset=clustering.id)
        uris = {"cluster": result.labels_uri, "membership": result.memberships_uri}
        if result.stabilities_uri and cut is None:
            uris["stability"] = result.stabilities_uri
        wanted = checked_columns(request.columns, ["row", *uris], what=what, always=["row"])
        numbers = np.asarray(rows, np.int64)
        if cut is not None:
            found = {"cluster": cut.labels[numbers], "membership": cut.memberships[numbers]}
            columns = {name: values for name, values in found.items() if name in wanted}
        else:
            columns = {name: self._artifacts.read_array(uri, rows) for name, uri in uris.items() if name in wanted}
        yield from table_chunks(pa.table({"row": numbers, **columns}))

    def ReadLevels(self, request: pb.ReadLevelsRequest, context: Any) -> Iterator[TableChunk]:
        """Read the levels of the hierarchy."""
        yield from table_chunks(pa.table(self._hierarchy(request.name).levels()._asdict()))

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the clustering methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in CLUSTERERS])

    def _hierarchy(self, name: str) -> Hierarchy:
        clustering = self._clusterings.ready(name)
        if not clustering.result.hierarchy_uri:
            cut = clustering.spec.cut_from.rsplit("/", 1)[-1]
            how = f"cut '{cut}', of which it is a level" if cut else "run hdbscan, plscan, evoc, agglomerative or birch"
            raise FailedPreconditionError(
                f"The clustering '{clustering.id}' has no hierarchy: {how}.", reason="HIERARCHY_MISSING"
            )
        return hierarchy_of(self._artifacts, clustering.result)

    def _labels(self, name: str) -> np.ndarray:
        return self._artifacts.read_array(self._clusterings.ready(name).result.labels_uri)

    def _column(self, experiment_name: str, column: str, count: int) -> tuple[np.ndarray, list[str]]:
        """Values of a metadata column as labels, -1 where there is none, and their names."""
        import pandas as pd  # a fifth of the memory of an idle process

        experiment = self._resources.get_ready(experiment_name, ExperimentRecord)
        dataset = self._resources.get_ready(experiment.spec.dataset, DatasetRecord)
        table = prepared_images(self._artifacts, dataset.result.table_uri, [dataset.check_column(column)])
        values = table.slice(0, count).to_pandas()[column]
        codes, found = pd.factorize(values.astype("string"), sort=True)
        return codes, [str(value) for value in found]


def _titles(given: pb.Clustering) -> dict[int, str]:
    return {each.key: each.title for each in given.cluster_titles}


def _check_titles(given: pb.Clustering, clusters: set[int]) -> None:
    """Check what clusters are to be called, each of them one that there is."""
    for each in given.cluster_titles:
        if each.key not in clusters:
            raise NotFoundError(
                f"The clustering '{given.name.rsplit('/', 1)[-1]}' has no cluster {each.key}: its clusters are 0 to "
                f"{len(clusters) - 1}.",
                reason="CLUSTER_NOT_FOUND",
            )
        if not each.title.strip() or len(each.title) > LONGEST_TITLE:
            raise InvalidArgumentError(
                f"The title of cluster {each.key} has {len(each.title.strip())} characters: give it 1 to "
                f"{LONGEST_TITLE}.",
                reason="CLUSTER_TITLE_INVALID",
            )


def _named(labels: np.ndarray, found: list[str], missing: str) -> list[str]:
    return [missing if label < 0 else found[label] for label in labels]
