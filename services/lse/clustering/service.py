"""The clustering service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pandas as pd
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.clustering.v1 import clustering_pb2 as pb
from latentspace.clustering.v1 import clustering_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.clustering.clusterers import list_methods, read_parameters
from lse.clustering.jobs import run_clustering
from lse.clustering.scores import compare_clusterings
from lse.platform import names
from lse.platform.catalogue import Resource
from lse.platform.errors import InvalidArgumentError
from lse.platform.operations.servicer import operation_to_pb
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.messages import (
    figures,
    method_to_pb,
    packed,
    resource_fields,
    settings,
    settings_from_pb,
    table_chunks,
)
from lse.platform.wiring import Platform

__all__ = ["ClusteringServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    platform.runner.register(
        "RunClustering",
        run_clustering,
        resource_kind="clustering",
        respond=lambda resource: packed(clustering_to_pb(resource)),
    )
    clustering_pb2_grpc.add_ClusteringServiceServicer_to_server(ClusteringServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["ClusteringService"].full_name)


class ClusteringServicer(clustering_pb2_grpc.ClusteringServiceServicer):
    """Answers ``latentspace.clustering.v1.ClusteringService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources

    def ListClusterings(self, request: pb.ListClusteringsRequest, context: Any) -> pb.ListClusteringsResponse:
        """List the clusterings of an experiment."""
        names.EXPERIMENT.parse(request.parent)
        page = self._resources.page(
            "clustering", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListClusteringsResponse(
            clusterings=[clustering_to_pb(resource) for resource in page.resources],
            next_page_token=page.next_page_token,
        )

    def GetClustering(self, request: pb.GetClusteringRequest, context: Any) -> pb.Clustering:
        """Get a clustering with its clusters."""
        names.CLUSTERING.parse(request.name)
        return clustering_to_pb(self._resources.get(request.name, "clustering"))

    def RunClustering(self, request: pb.RunClusteringRequest, context: Any) -> operations_pb2.Operation:
        """Run a clustering."""
        project, _ = names.EXPERIMENT.parse(request.parent)
        names.check_id(request.clustering_id, "clustering")
        given = settings_from_pb(request.settings)
        in_force = read_parameters(request.method_id, given).model_dump()
        self._resources.get_ready(request.parent, "experiment")
        if request.projection:
            if names.PROJECTION.parent(request.projection) != request.parent:
                raise InvalidArgumentError(
                    f"The projection '{request.projection}' is of another experiment than '{request.parent}'.",
                    reason="OTHER_EXPERIMENT",
                )
            self._resources.get_ready(request.projection, "projection")
        parameters = {
            "method": request.method_id,
            "projection": request.projection,
            "settings": given,
            "seed": request.seed,
        }
        operation = self._platform.operation_store.create(
            "RunClustering",
            names.PROJECT.format(project),
            Resource(
                f"{request.parent}/clusterings/{request.clustering_id}",
                "clustering",
                request.parent,
                spec={**parameters, "settings": in_force},
            ),
            parameters=parameters,
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    def DeleteClustering(self, request: pb.DeleteClusteringRequest, context: Any) -> empty_pb2.Empty:
        """Delete a clustering."""
        names.CLUSTERING.parse(request.name)
        self._platform.delete(self._resources.get(request.name, "clustering"))
        return empty_pb2.Empty()

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
                    "The clusterings are of different experiments: compare two of one.", reason="OTHER_EXPERIMENT"
                )
            second = self._labels(request.clustering)
            second_names = [str(label) for label in range(second.max() + 1)]
        else:
            raise InvalidArgumentError(
                "Nothing to compare with is given: name a clustering or a column.", reason="NOTHING_TO_COMPARE"
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
        names.CLUSTERING.parse(request.name)
        clustering = self._resources.get_ready(request.name, "clustering")
        artifacts = self._platform.artifacts
        labels = artifacts.read_array(clustering.result["labels_uri"])
        yield from table_chunks(
            pa.table(
                {
                    "row": pa.array(range(len(labels)), pa.int64()),
                    "cluster": pa.array(labels, pa.int32()),
                    "membership": pa.array(artifacts.read_array(clustering.result["memberships_uri"]), pa.float32()),
                }
            )
        )

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the clustering methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in list_methods()])

    def _labels(self, name: str) -> np.ndarray:
        clustering = self._resources.get_ready(name, "clustering")
        return self._platform.artifacts.read_array(clustering.result["labels_uri"])

    def _column(self, experiment_name: str, column: str, count: int) -> tuple[np.ndarray, list[str]]:
        """Values of a metadata column as labels, -1 where there is none, and their names."""
        experiment = self._resources.get_ready(experiment_name, "experiment")
        dataset = self._resources.get_ready(experiment.spec["dataset"], "dataset")
        if column not in dataset.result["columns"]:
            raise InvalidArgumentError(
                f"The dataset '{dataset.id}' has no column '{column}': it has {', '.join(dataset.result['columns'])}.",
                reason="UNKNOWN_COLUMN",
            )
        table = prepared_images(self._platform.artifacts, dataset.result["table_uri"], [column])
        values = table.slice(0, count).to_pandas()[column]
        codes, found = pd.factorize(values.astype("string"), sort=True)
        return codes, [str(value) for value in found]


def _named(labels: np.ndarray, found: list[str], missing: str) -> list[str]:
    return [missing if label < 0 else found[label] for label in labels]


def clustering_to_pb(resource: Resource) -> pb.Clustering:
    """Message of a clustering."""
    spec, result = resource.spec, resource.result
    return pb.Clustering(
        **resource_fields(resource),
        method_id=spec["method"],
        settings=settings(spec["settings"]),
        projection=spec["projection"],
        seed=spec["seed"],
        clusters=[
            pb.Cluster(
                cluster=each["cluster"],
                image_count=each["images"],
                medoid_row=each["medoid_row"],
                mean_distance=each["mean_distance"],
                nearest_cluster=each["nearest_cluster"],
                traits=each["traits"],
            )
            for each in result.get("clusters", [])
        ],
        noise_count=result.get("noise", 0),
        figures=figures(result.get("figures", {})),
        notes=result.get("notes", []),
    )
