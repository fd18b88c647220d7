# ruff: noqa: N802  # gRPC names methods in CamelCase
"""Small real gRPC services that keep everything in memory, for tests of what talks to services.

They answer as the true ones do, as far as these tests look; operations go one step further with each look at them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import empty_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from latentspace.annotation.v1 import annotation_pb2, annotation_pb2_grpc
from latentspace.clustering.v1 import clustering_pb2, clustering_pb2_grpc
from latentspace.encoding.v1 import encoding_pb2, encoding_pb2_grpc
from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from latentspace.projection.v1 import projection_pb2, projection_pb2_grpc
from latentspace.search.v1 import search_pb2, search_pb2_grpc
from latentspace.training.v1 import training_pb2, training_pb2_grpc
from latentspace.type.v1 import figure_pb2, method_pb2, operation_pb2, resource_pb2, table_pb2
from lse.client import SERVICES
from lse.platform.errors import (
    AlreadyExistsError,
    CancelledError,
    LseError,
    NotFoundError,
    UnimplementedError,
)
from lse.platform.rpc.errors import status_of

READY, CREATING, FAILED = (
    resource_pb2.RESOURCE_STATE_READY,
    resource_pb2.RESOURCE_STATE_CREATING,
    resource_pb2.RESOURCE_STATE_FAILED,
)
Meta = operation_pb2.OperationMetadata


class Memory:
    """What the services remember; outlives the server, as a catalogue does.

    Attributes
    ----------
    steps
        Looks after which an operation ends.
    held
        While set, operations stay where they are.
    errors
        What the next calls of a method end with, by method name.
    failures
        What the next operation of a kind ends with.
    calls
        Names of the methods called.
    """

    def __init__(self) -> None:
        self.resources: dict[str, Any] = {}
        self.operations: dict[str, operations_pb2.Operation] = {}
        self.requests: dict[str, str] = {}
        self.makers: dict[str, Callable[[], Any]] = {}
        self.looks: dict[str, int] = {}
        self.steps = 2
        self.held = threading.Event()
        self.errors: dict[str, list[LseError]] = {}
        self.failures: dict[str, LseError] = {}
        self.calls: list[str] = []
        self.metadata: list[dict[str, str]] = []
        self.uploads: list[list[Any]] = []
        self.table = image_table()
        self.chunks: Callable[[pa.Table], Iterator[bytes]] = lambda table: arrow_chunks(table, 1 << 16)
        self.lock = threading.RLock()

    def get(self, name: str) -> Any:
        if name not in self.resources:
            kind = name.rsplit("/", 2)[-2].removesuffix("s")
            raise NotFoundError(
                f"There is no {kind} named '{name.rsplit('/', 1)[-1]}' here.", reason="RESOURCE_NOT_FOUND", name=name
            )
        return self.resources[name]

    def operate(self, kind: str, request_id: str, resource: Any, finish: Callable[[Any], None]) -> Any:
        """Operation that makes a resource, or the one that was asked for with the same identifier."""
        with self.lock:
            if request_id in self.requests:
                return self.operations[self.requests[request_id]]
            target = getattr(resource, "name", None) or resource.encoder
            project = "/".join(target.split("/")[:2])
            name = f"{project}/operations/op{len(self.operations)}"
            if hasattr(resource, "name"):
                if target in self.resources:
                    raise AlreadyExistsError(f"The name '{target.rsplit('/', 1)[-1]}' is taken.", reason="NAME_TAKEN")
                resource.state, resource.operation, resource.uid = CREATING, name, f"uid-{len(self.operations)}"
                self.resources[target] = resource
            message = operations_pb2.Operation(name=name)
            meta = Meta(kind=kind, target=target, state=Meta.STATE_PENDING, request_id=request_id, attempt_count=1)
            meta.create_time.GetCurrentTime()
            message.metadata.Pack(meta)
            self.operations[name] = message
            self.requests[request_id] = name
            self.looks[name] = 0

            def make() -> Any:
                finish(resource)
                if hasattr(resource, "state"):
                    resource.state = READY
                return resource

            self.makers[name] = make
            return message

    def look(self, name: str) -> operations_pb2.Operation:
        """Operation, one step further."""
        with self.lock:
            if name not in self.operations:
                raise NotFoundError(f"There is no operation named '{name}' here.", reason="OPERATION_NOT_FOUND")
            message = self.operations[name]
            if message.done or self.held.is_set():
                return message
            self.looks[name] += 1
            meta = Meta()
            message.metadata.Unpack(meta)
            error = self.failures.pop(meta.kind, None)
            if meta.state == Meta.STATE_CANCELLING:
                error = CancelledError("The operation was cancelled.", reason="CANCELLED")
            if error is not None:
                message.error.CopyFrom(status_of(error))
                meta.state = Meta.STATE_CANCELLED if error.code == "CANCELLED" else Meta.STATE_FAILED
                message.done = True
                if meta.target in self.resources and meta.kind != "EvaluateEncoder":
                    self.resources[meta.target].state = FAILED
            elif self.looks[name] >= self.steps:
                message.response.Pack(self.makers[name]())
                meta.state = Meta.STATE_SUCCEEDED
                meta.stages.add(stage="reading", duration_seconds=1.5)
                meta.stages.add(stage="writing", duration_seconds=0.5)
                message.done = True
            else:
                meta.state = Meta.STATE_RUNNING
                meta.progress.stage, meta.progress.unit, meta.progress.rate = "reading", "images", 50.0
                meta.progress.done_count, meta.progress.total_count = self.looks[name] * 10, self.steps * 10
                meta.progress.metrics.clear()
                meta.progress.metrics.append(figure_pb2.Figure(key="loss", value=0.25))
            message.metadata.Pack(meta)
            return message

    def below(self, parent: str, collection: str) -> list[Any]:
        prefix = f"{parent}/{collection}/"
        return [self.resources[name] for name in sorted(self.resources) if name.startswith(prefix)]


def image_table() -> pa.Table:
    return pa.table(
        {
            "name": ["a.png", "b.png", "broken.fits"],
            "row": np.array([0, 1, -1]),
            "source": ["/data/a.png", "/data/b.png", "/data/broken.fits"],
            "status": ["prepared", "prepared", "rejected"],
            "reason": ["", "", "NOT_AN_IMAGE"],
            "message": ["", "", "The file holds no image."],
            "class": ["FRI", "FRII", None],
        }
    )


def arrow_chunks(table: pa.Table, size: int) -> Iterator[bytes]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue().to_pybytes()
    for start in range(0, len(content), size):
        yield content[start : start + size]


def method(method_id: str) -> method_pb2.Method:
    return method_pb2.Method(
        method_id=method_id,
        title=method_id.upper(),
        help="Does it.",
        parameters=[
            method_pb2.Parameter(key="epochs", kind=method_pb2.Parameter.KIND_INTEGER, default_value="20", minimum=1),
            method_pb2.Parameter(key="metric", kind=method_pb2.Parameter.KIND_CHOICE, choices=["cosine", "euclidean"]),
        ],
    )


def page(items: list[Any], request: Any, answer: type[Any], field: str, limit: int = 2) -> Any:
    """Two items a page, so that every list of the tests has several."""
    start = int(request.page_token or 0)
    message = answer(**{field: items[start : start + limit]})
    if start + limit < len(items):
        message.next_page_token = str(start + limit)
    return message


class Base:
    def __init__(self, memory: Memory) -> None:
        self.memory = memory


class Ingestion(Base, ingestion_pb2_grpc.IngestionServiceServicer):
    def ListProjects(self, request, context):
        names = sorted({"/".join(name.split("/")[:2]) for name in self.memory.resources})
        return page(
            [ingestion_pb2.Project(name=n) for n in names], request, ingestion_pb2.ListProjectsResponse, "projects"
        )

    def ListDatasets(self, request, context):
        found = self.memory.below(request.parent, "datasets")
        return page(found, request, ingestion_pb2.ListDatasetsResponse, "datasets")

    def GetDataset(self, request, context):
        return self.memory.get(request.name)

    def IngestDataset(self, request, context):
        def finish(dataset):
            dataset.prepared_count, dataset.rejected_count, dataset.image_size = 2, 1, 64
            dataset.channels[:] = ["grey"]
            dataset.columns.add(key="class", type=ingestion_pb2.Column.TYPE_TEXT)

        dataset = ingestion_pb2.Dataset(
            name=f"{request.parent}/datasets/{request.dataset_id}",
            sources=request.sources,
            recipe=request.recipe or "size: 64\n",
        )
        return self.memory.operate("IngestDataset", request.request_id, dataset, finish)

    def DeleteDataset(self, request, context):
        self.memory.get(request.name)
        del self.memory.resources[request.name]
        return empty_pb2.Empty()

    def PreviewRecipe(self, request, context):
        answer = ingestion_pb2.PreviewRecipeResponse(recipe=request.recipe or "size: 64\n", source_count=3)
        answer.images.add(source="/data/a.png", thumbnail=b"RIFFwebp")
        answer.images.add(
            source="/data/x.fits", rejection_reason="NOT_AN_IMAGE", rejection_message="It holds no image."
        )
        return answer

    def ListImages(self, request, context):
        found = []
        for row in self.memory.table.to_pylist():
            status = ingestion_pb2.Image.Status.Value(f"STATUS_{row['status'].upper()}")
            if request.status in {0, status}:
                image = ingestion_pb2.Image(
                    name=f"{request.parent}/images/{row['name']}",
                    row=row["row"],
                    source=row["source"],
                    status=status,
                    rejection_reason=row["reason"],
                    rejection_message=row["message"],
                )
                image.metadata.add(key="class", text=row["class"] or "")
                image.metadata.add(key="nothing")
                found.append(image)
        return page(found, request, ingestion_pb2.ListImagesResponse, "images")

    def BatchGetThumbnails(self, request, context):
        return ingestion_pb2.BatchGetThumbnailsResponse(thumbnails=[f"row {row}".encode() for row in request.rows])

    def ReadImageTable(self, request, context):
        table = self.memory.table
        if request.columns:
            table = table.select(list(dict.fromkeys(["name", "row", *request.columns])))
        for chunk in self.memory.chunks(table):
            yield table_pb2.TableChunk(arrow=chunk)


class Training(Base, training_pb2_grpc.TrainingServiceServicer):
    def GetEncoder(self, request, context):
        return self.memory.get(request.name)

    def ListEncoders(self, request, context):
        found = self.memory.below(request.parent, "encoders")
        return page(found, request, training_pb2.ListEncodersResponse, "encoders")

    def TrainEncoder(self, request, context):
        encoder = training_pb2.Encoder(
            name=f"{request.parent}/encoders/{request.encoder_id}",
            dataset=request.dataset,
            method_id=request.method_id,
            settings=request.settings,
            seed=request.seed,
        )
        return self.memory.operate("TrainEncoder", request.request_id, encoder, lambda made: None)

    def ImportEncoder(self, requests, context):
        messages = list(requests)
        self.memory.uploads.append(messages)
        header = messages[0].header
        encoder = training_pb2.Encoder(name=f"{header.parent}/encoders/{header.encoder_id}", method_id="import")
        return self.memory.operate("ImportEncoder", header.request_id, encoder, lambda made: None)

    def EvaluateEncoder(self, request, context):
        self.memory.get(request.name)
        evaluation = training_pb2.Evaluation(
            encoder=request.name,
            dataset=request.dataset,
            label_column=request.label_column,
            image_count=2,
            knn_balanced_accuracy=0.6,
        )
        for key, value in {"chance": 0.25, "pixels": 0.5, "pca": 0.55, "untrained": 0.54}.items():
            evaluation.baselines.add(key=key, value=value)
        return self.memory.operate("EvaluateEncoder", request.request_id, evaluation, lambda made: None)

    def DeleteEncoder(self, request, context):
        self.memory.get(request.name)
        del self.memory.resources[request.name]
        return empty_pb2.Empty()

    def ListMethods(self, request, context):
        return training_pb2.ListMethodsResponse(methods=[method("autoencoder"), method("simclr")])


class Encoding(Base, encoding_pb2_grpc.EncodingServiceServicer):
    def GetExperiment(self, request, context):
        return self.memory.get(request.name)

    def EncodeExperiment(self, request, context):
        def finish(made):
            made.image_count, made.dimension, made.search_recall, made.inference_engine = 2, 64, 0.99, "onnxruntime"

        experiment = encoding_pb2.Experiment(
            name=f"{request.parent}/experiments/{request.experiment_id}",
            dataset=request.dataset,
            encoder=request.encoder,
            neighbour_count=request.neighbour_count,
        )
        return self.memory.operate("EncodeExperiment", request.request_id, experiment, finish)


class Projection(Base, projection_pb2_grpc.ProjectionServiceServicer):
    def GetProjection(self, request, context):
        return self.memory.get(request.name)

    def RunProjection(self, request, context):
        projection = projection_pb2.Projection(
            name=f"{request.parent}/projections/{request.projection_id}",
            method_id=request.method_id,
            settings=request.settings,
            component_count=request.component_count,
            seed=request.seed,
        )
        return self.memory.operate("RunProjection", request.request_id, projection, lambda made: None)


class Clustering(Base, clustering_pb2_grpc.ClusteringServiceServicer):
    def GetClustering(self, request, context):
        return self.memory.get(request.name)

    def RunClustering(self, request, context):
        def finish(made):
            made.clusters.add(cluster=0, image_count=2, nearest_cluster=-1, traits=["class is FRI"])
            made.figures.add(key="silhouette", value=0.3)
            if made.method_id == "hdbscan":
                made.figures.add(key="adjusted_rand", value=0.2)

        clustering = clustering_pb2.Clustering(
            name=f"{request.parent}/clusterings/{request.clustering_id}",
            method_id=request.method_id,
            settings=request.settings,
            projection=request.projection,
            seed=request.seed,
        )
        return self.memory.operate("RunClustering", request.request_id, clustering, finish)

    def CompareClusterings(self, request, context):
        self.memory.get(request.name)
        return clustering_pb2.CompareClusteringsResponse(
            adjusted_rand=0.1,
            normalised_mutual_information=0.2,
            row_labels=["0", "1"],
            column_labels=["FRI", "FRII", "Bent"],
            counts=[1, 2, 3, 4, 5, 6],
        )


class Search(Base, search_pb2_grpc.SearchServiceServicer):
    def SearchImages(self, request, context):
        self.memory.uploads.append([request])
        answer = search_pb2.SearchImagesResponse()
        answer.matches.add(image="projects/default/datasets/d/images/a.png", row=0, similarity=0.9)
        answer.matches.add(image="projects/default/datasets/d/images/b.png", row=1, similarity=0.8, cluster=-1)
        return answer


class Annotation(Base, annotation_pb2_grpc.AnnotationServiceServicer):
    def GetSelection(self, request, context):
        return self.memory.get(request.name)

    def CreateSelection(self, request, context):
        selection = request.selection
        selection.name = f"{request.parent}/selections/{request.selection_id}"
        selection.image_count = sum(byte.bit_count() for byte in selection.rows_bitmap)
        self.memory.resources[selection.name] = selection
        return selection

    def ListSelections(self, request, context):
        found = self.memory.below(request.parent, "selections")
        return page(found, request, annotation_pb2.ListSelectionsResponse, "selections")

    def ExportCatalogue(self, request, context):
        yield annotation_pb2.ExportCatalogueResponse(data=b"name,row\n")
        error = self.memory.errors.get("during export")
        if error:
            raise error.pop()
        yield annotation_pb2.ExportCatalogueResponse(data=b"a.png,0\n")

    def SuggestImages(self, request, context):
        raise UnimplementedError("SuggestImages is not built yet.", reason="NOT_BUILT")


class Operations(Base, operations_pb2_grpc.OperationsServicer):
    def ListOperations(self, request, context):
        found = [m for m in reversed(self.memory.operations.values()) if not (request.filter == "active" and m.done)]
        return page(found, request, operations_pb2.ListOperationsResponse, "operations")

    def GetOperation(self, request, context):
        return self.memory.look(request.name)

    def WaitOperation(self, request, context):
        return self.memory.look(request.name)

    def CancelOperation(self, request, context):
        message = self.memory.operations[request.name]
        meta = Meta()
        message.metadata.Unpack(meta)
        if not message.done:
            meta.state = Meta.STATE_CANCELLING
            message.metadata.Pack(meta)
        return empty_pb2.Empty()


class Interceptor(grpc.ServerInterceptor):
    """Notes every call and turns errors into statuses."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        name = details.method.rsplit("/", 1)[-1]
        self.memory.calls.append(name)
        self.memory.metadata.append(dict(details.invocation_metadata))
        if handler is None or "Health" in details.method:
            return handler

        def fail(error, context):
            context.abort_with_status(rpc_status.to_status(status_of(error)))

        def unary(request, context):
            try:
                if self.memory.errors.get(name):
                    raise self.memory.errors[name].pop(0)
                return (handler.unary_unary or handler.stream_unary)(request, context)
            except LseError as error:
                fail(error, context)

        def stream(request, context):
            try:
                if self.memory.errors.get(name):
                    raise self.memory.errors[name].pop(0)
                yield from handler.unary_stream(request, context)
            except LseError as error:
                fail(error, context)

        serializers = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(unary, **serializers)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(unary, **serializers)
        return grpc.unary_stream_rpc_method_handler(stream, **serializers)


class MemoryServer:
    """A gRPC server of a memory, which can be stopped and started again on the same port."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.server = grpc.server(ThreadPoolExecutor(8), interceptors=[Interceptor(self.memory)])
        memory = self.memory
        ingestion_pb2_grpc.add_IngestionServiceServicer_to_server(Ingestion(memory), self.server)
        training_pb2_grpc.add_TrainingServiceServicer_to_server(Training(memory), self.server)
        encoding_pb2_grpc.add_EncodingServiceServicer_to_server(Encoding(memory), self.server)
        projection_pb2_grpc.add_ProjectionServiceServicer_to_server(Projection(memory), self.server)
        clustering_pb2_grpc.add_ClusteringServiceServicer_to_server(Clustering(memory), self.server)
        search_pb2_grpc.add_SearchServiceServicer_to_server(Search(memory), self.server)
        annotation_pb2_grpc.add_AnnotationServiceServicer_to_server(Annotation(memory), self.server)
        operations_pb2_grpc.add_OperationsServicer_to_server(Operations(memory), self.server)
        states = health.HealthServicer()
        for service in SERVICES:
            states.set(service, health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(states, self.server)
        self.port = self.server.add_insecure_port(f"127.0.0.1:{self.port}")
        self.server.start()

    def stop(self) -> None:
        self.server.stop(None).wait()
