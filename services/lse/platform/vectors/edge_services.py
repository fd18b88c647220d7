"""Qdrant's own gRPC services in front of Qdrant Edge, for the calls that `lse` uses."""

from __future__ import annotations

import functools
import importlib.metadata
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
import qdrant_edge as edge
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from qdrant_client import grpc as messages
from qdrant_client.grpc import collections_service_pb2, points_service_pb2, qdrant_pb2, snapshots_service_pb2

from lse.errors import InvalidArgumentError, LseError, NotFoundError, UnimplementedError
from lse.platform.vectors import edge_changes as change
from lse.platform.vectors import edge_messages as convert
from lse.platform.vectors.edge_collection import CollectionSettings, CollectionState, EdgeCollection
from lse.platform.vectors.edge_layout import CollectionLayout
from lse.platform.vectors.edge_storage import EdgeStorage

__all__ = ["service_handlers"]

# As many as Qdrant names its payload types, in messages and in the engine.
_FIELD_TYPES = ("Keyword", "Integer", "Float", "Geo", "Text", "Bool", "Datetime", "Uuid")
_log = structlog.get_logger(__name__)

Method = Callable[[Any], Awaitable[Message]]


class _Health:
    async def HealthCheck(self, request: messages.HealthCheckRequest) -> messages.HealthCheckReply:  # noqa: N802, ARG002
        version = importlib.metadata.version("qdrant-edge-py")
        return messages.HealthCheckReply(title="lse embedded vector server (Qdrant Edge)", version=version)


class _Collections:
    """The service `qdrant.Collections`; method names are the protocol's."""

    def __init__(self, storage: EdgeStorage) -> None:
        self._storage = storage

    async def Get(self, request: messages.GetCollectionInfoRequest) -> messages.GetCollectionInfoResponse:  # noqa: N802
        collection = self._storage[request.collection_name]
        return messages.GetCollectionInfoResponse(result=_collection_info(collection.settings, collection.state()))

    async def List(self, request: messages.ListCollectionsRequest) -> messages.ListCollectionsResponse:  # noqa: N802, ARG002
        names = sorted(collection.settings.name for collection in self._storage)
        return messages.ListCollectionsResponse(collections=[messages.CollectionDescription(name=n) for n in names])

    async def CollectionExists(self, request: messages.CollectionExistsRequest) -> messages.CollectionExistsResponse:  # noqa: N802
        found = request.collection_name in self._storage
        return messages.CollectionExistsResponse(result=messages.CollectionExists(exists=found))

    async def Create(self, request: messages.CreateCollection) -> messages.CollectionOperationResponse:  # noqa: N802
        convert.refuse(
            request,
            *("sharding_method", "sparse_vectors_config", "strict_mode_config", "metadata"),
            *("shard_number", "replication_factor", "write_consistency_factor"),
        )
        convert.refuse(request.vectors_config, "params_map")
        params = request.vectors_config.params
        convert.refuse(params, "quantization_config", "datatype", "multivector_config", "memory")
        convert.refuse(request.hnsw_config, "memory")
        convert.refuse(params.hnsw_config, "on_disk", "memory")
        if params.size < 1 or params.distance == messages.Distance.UnknownDistance:
            raise InvalidArgumentError("Wrong input: a collection needs a vector size of at least 1 and a distance.")
        given = {
            name: getattr(source, name)
            for source in (request.hnsw_config, params.hnsw_config, request.optimizers_config)
            for name in ("m", "ef_construct", "full_scan_threshold", "indexing_threshold")
            if name in source.DESCRIPTOR.fields_by_name and source.HasField(name)  # type: ignore[arg-type]
        }
        distance = messages.Distance.Name(params.distance)
        layout = CollectionLayout.asked(request)
        settings = CollectionSettings(request.collection_name, params.size, distance, layout=layout, **given)
        self._storage.create(settings)
        return messages.CollectionOperationResponse(result=True)

    async def Update(self, request: messages.UpdateCollection) -> messages.CollectionOperationResponse:  # noqa: N802
        """Start the index build that is pending, as an empty change of the optimizers does on a Qdrant server."""
        convert.refuse(
            request,
            *("params", "hnsw_config", "vectors_config", "quantization_config", "sparse_vectors_config"),
            *("strict_mode_config", "metadata"),
        )
        convert.refuse(request.optimizers_config, *request.optimizers_config.DESCRIPTOR.fields_by_name)
        self._storage[request.collection_name].start_build()
        return messages.CollectionOperationResponse(result=True)

    async def Delete(self, request: messages.DeleteCollection) -> messages.CollectionOperationResponse:  # noqa: N802
        return messages.CollectionOperationResponse(result=await self._storage.delete(request.collection_name))


class _Points:
    """The service `qdrant.Points`; method names are the protocol's."""

    def __init__(self, storage: EdgeStorage) -> None:
        self._storage = storage

    async def Upsert(self, request: messages.UpsertPoints) -> messages.PointsOperationResponse:  # noqa: N802
        convert.refuse(request, "shard_key_selector", "update_filter", "update_mode")
        return await self._write(request, change.upsert(self._storage[request.collection_name], request.points))

    async def Delete(self, request: messages.DeletePoints) -> messages.PointsOperationResponse:  # noqa: N802
        convert.refuse(request, "shard_key_selector")
        return await self._write(request, change.delete(request.points))

    async def DeletePayload(self, request: messages.DeletePayloadPoints) -> messages.PointsOperationResponse:  # noqa: N802
        convert.refuse(request, "shard_key_selector")
        return await self._write(request, change.drop_payload(request))

    async def UpdateBatch(self, request: messages.UpdateBatchPoints) -> messages.UpdateBatchResponse:  # noqa: N802
        collection = self._storage[request.collection_name]
        changes = [change.batched(operation) for operation in request.operations]
        for part in changes:
            await change.apply(collection, part)
        return messages.UpdateBatchResponse(result=[_completed() for _ in changes])

    async def CreateFieldIndex(self, request: messages.CreateFieldIndexCollection) -> messages.PointsOperationResponse:  # noqa: N802
        convert.refuse(request, "field_index_params")
        if not request.HasField("field_type"):
            raise InvalidArgumentError("Wrong input: a payload index needs a field type.")
        kind = getattr(edge.PayloadSchemaType, _FIELD_TYPES[request.field_type])
        operation = functools.partial(edge.UpdateOperation.create_field_index, request.field_name, kind)
        return await self._write(request, change.Changes([operation]))

    async def DeleteFieldIndex(self, request: messages.DeleteFieldIndexCollection) -> messages.PointsOperationResponse:  # noqa: N802
        operation = functools.partial(edge.UpdateOperation.delete_field_index, request.field_name)
        return await self._write(request, change.Changes([operation]))

    async def Get(self, request: messages.GetPoints) -> messages.GetResponse:  # noqa: N802
        convert.refuse(request, "shard_key_selector")
        records = self._storage[request.collection_name].shard.retrieve(
            convert.from_point_ids(request.ids),
            convert.from_with_payload(request.with_payload),
            convert.from_with_vectors(request.with_vectors),
        )
        return messages.GetResponse(result=[convert.to_retrieved(record) for record in records])

    async def Count(self, request: messages.CountPoints) -> messages.CountResponse:  # noqa: N802
        convert.refuse(request, "shard_key_selector")
        condition = convert.from_filter(request.filter) if request.HasField("filter") else None
        exact = request.exact if request.HasField("exact") else True
        count = self._storage[request.collection_name].shard.count(edge.CountRequest(exact=exact, filter=condition))
        return messages.CountResponse(result=messages.CountResult(count=count))

    async def Query(self, request: messages.QueryPoints) -> messages.QueryResponse:  # noqa: N802
        collection = self._storage[request.collection_name]
        found = collection.shard.query(_query(collection, request))
        return messages.QueryResponse(result=[convert.to_scored(point) for point in found])

    async def QueryBatch(self, request: messages.QueryBatchPoints) -> messages.QueryBatchResponse:  # noqa: N802
        collection = self._storage[request.collection_name]
        queries = [_query(collection, query) for query in request.query_points]
        answers = collection.shard.query_batch(edge.QueryBatchRequest(queries)) if queries else []
        return messages.QueryBatchResponse(
            result=[messages.BatchResult(result=[convert.to_scored(point) for point in found]) for found in answers]
        )

    async def _write(self, request: Any, changes: change.Changes) -> messages.PointsOperationResponse:
        await change.apply(self._storage[request.collection_name], changes)
        return messages.PointsOperationResponse(result=_completed())


def _completed() -> messages.UpdateResult:
    return messages.UpdateResult(operation_id=0, status=messages.UpdateStatus.Completed)


def _query(collection: EdgeCollection, request: messages.QueryPoints) -> edge.QueryRequest:
    wanted = convert.query_vector(request, collection.settings.dimension)
    if isinstance(wanted, list):
        return convert.from_query(request, wanted, ())
    records = collection.shard.retrieve([wanted], False, True)
    if not records:
        raise NotFoundError(f"Not found: No point with id {wanted} found")
    vector: Any = records[0].vector
    return convert.from_query(request, vector, [wanted])


def _collection_info(settings: CollectionSettings, state: CollectionState) -> messages.CollectionInfo:
    status = messages.CollectionStatus.Green
    if state.error:
        status = messages.CollectionStatus.Red
    elif state.building:
        status = messages.CollectionStatus.Yellow
    elif state.pending:
        status = messages.CollectionStatus.Grey
    distance = messages.Distance.Value(settings.distance)
    hnsw = messages.HnswConfigDiff(
        m=settings.m,
        ef_construct=settings.ef_construct,
        full_scan_threshold=settings.full_scan_threshold,
        on_disk=settings.layout.links_on_disk,
    )
    optimizers = messages.OptimizersConfigDiff(
        deleted_threshold=0.2,
        vacuum_min_vector_number=1000,
        default_segment_number=0,
        indexing_threshold=settings.indexing_threshold,
        flush_interval_sec=5,
    )
    vectors = messages.VectorsConfig(
        params=messages.VectorParams(
            size=settings.dimension, distance=distance, on_disk=settings.layout.vectors_on_disk
        )
    )
    schema = {
        key: messages.PayloadSchemaInfo(data_type=_FIELD_TYPES.index(str(kind).rpartition(".")[2]) + 1)  # type: ignore[arg-type]
        for key, kind in state.payload_schema.items()
    }
    return messages.CollectionInfo(
        status=status,
        optimizer_status=messages.OptimizerStatus(ok=not state.error, error=state.error),
        segments_count=state.segments,
        config=messages.CollectionConfig(
            params=messages.CollectionParams(shard_number=1, on_disk_payload=True, vectors_config=vectors),
            hnsw_config=hnsw,
            optimizer_config=optimizers,
            wal_config=messages.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0),
            quantization_config=settings.layout.message(),
        ),
        payload_schema=schema,
        points_count=state.points,
        indexed_vectors_count=state.indexed,
    )


def service_handlers(storage: EdgeStorage) -> list[grpc.GenericRpcHandler]:
    """Handlers of all of Qdrant's services; a call that is not built answers UNIMPLEMENTED by its name."""
    built: Iterable[tuple[Any, object]] = (
        (qdrant_pb2, _Health()),
        (collections_service_pb2, _Collections(storage)),
        (points_service_pb2, _Points(storage)),
        (snapshots_service_pb2, None),
    )
    return [
        _handler(service, methods)
        for module, methods in built
        for service in module.DESCRIPTOR.services_by_name.values()
    ]


def _handler(service: ServiceDescriptor, methods: object) -> grpc.GenericRpcHandler:
    handlers = {}
    for method in service.methods:
        full_name = f"{service.full_name}/{method.name}"
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            _answering(getattr(methods, method.name, None) or _unimplemented(full_name), full_name),
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _unimplemented(full_name: str) -> Method:
    async def refuse(request: Message) -> Message:  # noqa: ARG001
        raise UnimplementedError(f"The embedded vector server does not implement {full_name}; use a Qdrant server.")

    return refuse


def _answering(method: Method, full_name: str) -> Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]:
    """Method of a service with its time taken and its errors told as gRPC statuses."""

    async def answer(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        start = time.perf_counter()
        try:
            response: Any = await method(request)
        except LseError as error:
            await context.abort(grpc.StatusCode[error.code], error.message)
        except Exception as error:  # noqa: BLE001 - a fault of ours becomes an answer, and a line in the log
            if "dimension error" in str(error) or isinstance(error, ValueError):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Wrong input: {error}")
            _log.exception("call failed", method=full_name)
            await context.abort(grpc.StatusCode.INTERNAL, f"Service internal error: {error}")
        if "time" in response.DESCRIPTOR.fields_by_name:
            response.time = time.perf_counter() - start
        return response

    return answer
