"""How collections are laid out: what a Qdrant server is asked for, and what the embedded one refuses."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from qdrant_client import grpc as messages
from tests.platform.vectors.conftest import ServerThread

from lse.errors import FailedPreconditionError, InvalidArgumentError, LseError, UnimplementedError
from lse.platform.config import load_settings
from lse.platform.vectors import Placement, VectorStore
from lse.server import open_platform
from running_services import serving

WIDE = Placement(shards=4, replicas=2, write_consistency=2, quantization="turbo", memory="codes")


class Listening:
    """A server of Qdrant's protocol that answers what it was asked for, or what an older one would make of it."""

    def __init__(self, **older: Any) -> None:
        self.asked: messages.CreateCollection | None = None
        self._older = older
        self._there = False

    async def start(self) -> None:
        """Listen on a free port."""
        calls = {
            "Create": (messages.CreateCollection, self._create),
            "Get": (messages.GetCollectionInfoRequest, self._get),
            "CollectionExists": (messages.CollectionExistsRequest, self._exists),
            "Delete": (messages.DeleteCollection, self._delete),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                answer, request_deserializer=request.FromString, response_serializer=lambda m: m.SerializeToString()
            )
            for name, (request, answer) in calls.items()
        }
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("qdrant.Collections", handlers)])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def stop(self) -> None:
        """End."""
        await self._server.stop(0)

    async def _create(self, request: messages.CreateCollection, context: Any) -> Any:
        self.asked, self._there = request, True
        await asyncio.sleep(0)
        return messages.CollectionOperationResponse(result=True)

    async def _exists(self, request: Any, context: Any) -> Any:
        return messages.CollectionExistsResponse(result=messages.CollectionExists(exists=self._there))

    async def _delete(self, request: Any, context: Any) -> Any:
        self._there = False
        return messages.CollectionOperationResponse(result=True)

    async def _get(self, request: Any, context: Any) -> Any:
        asked = self.asked
        assert asked is not None
        kept = {
            "shard_number": asked.shard_number,
            "replication_factor": asked.replication_factor,
            "write_consistency_factor": asked.write_consistency_factor,
            **self._older,
        }
        config = messages.CollectionConfig(
            params=messages.CollectionParams(vectors_config=asked.vectors_config, **kept),
            hnsw_config=messages.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=10000),
            optimizer_config=messages.OptimizersConfigDiff(
                deleted_threshold=0.2, vacuum_min_vector_number=1000, default_segment_number=0, flush_interval_sec=5
            ),
            wal_config=messages.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0),
            quantization_config=asked.quantization_config,
        )
        return messages.GetCollectionInfoResponse(
            result=messages.CollectionInfo(
                status=messages.CollectionStatus.Green,
                optimizer_status=messages.OptimizerStatus(ok=True),
                config=config,
            )
        )


def test_a_server_is_asked_for_shards_copies_codes_and_memory() -> None:
    with serving(Listening()) as server, VectorStore(f"127.0.0.1:{server.port}", placement=WIDE) as store:
        store.create_collection("c", dimension=8)
        assert store.has_collection("c")
    asked = server.asked
    assert asked is not None
    assert (asked.shard_number, asked.replication_factor, asked.write_consistency_factor) == (4, 2, 2)
    assert asked.quantization_config.turboquant.always_ram
    assert asked.vectors_config.params.on_disk
    assert not asked.HasField("hnsw_config")


@pytest.mark.parametrize(
    ("placement", "codes", "in_memory"),
    [
        (Placement(quantization="int8"), "scalar", True),
        (Placement(quantization="binary", memory="disk"), "binary", False),
    ],
)
def test_codes_follow_the_tier_of_memory(placement: Placement, codes: str, in_memory: bool) -> None:
    with serving(Listening()) as server, VectorStore(f"127.0.0.1:{server.port}", placement=placement) as store:
        store.create_collection("c", dimension=8)
    asked = server.asked
    assert asked is not None
    assert asked.quantization_config.WhichOneof("quantization") == codes
    assert getattr(asked.quantization_config, codes).always_ram is in_memory
    assert asked.hnsw_config.on_disk is not in_memory
    assert asked.vectors_config.params.on_disk is not in_memory


def test_a_server_that_keeps_fewer_copies_than_asked_for_is_refused() -> None:
    older = Listening(replication_factor=1)
    with serving(older), VectorStore(f"127.0.0.1:{older.port}", placement=WIDE) as store:
        with pytest.raises(UnimplementedError, match="replication_factor 1 instead of 2") as caught:
            store.create_collection("c", dimension=8)
        assert caught.value.reason == "COLLECTION_SETTINGS_UNSUPPORTED"
        assert not store.has_collection("c")


@pytest.mark.parametrize(
    ("placement", "field"),
    [
        (Placement(shards=2), "shard_number"),
        (Placement(replicas=2), "replication_factor"),
    ],
)
def test_the_embedded_server_refuses_what_it_lacks(
    serve: Callable[[Path], ServerThread], tmp_path: Path, placement: Placement, field: str
) -> None:
    with VectorStore(serve(tmp_path / "vectors").address, placement=placement) as store:
        with pytest.raises(LseError, match=rf"embedded vector server does not support `{field}`.*use a Qdrant server"):
            store.create_collection("c", dimension=8)
        assert store.list_collections() == []


@pytest.mark.parametrize(
    ("placement", "least", "said"),
    [
        (Placement(quantization="int8"), 0.98, "int8 codes first, which lie beside the vectors"),
        (
            Placement(quantization="turbo", memory="codes"),
            0.98,
            "4-bit codes first, which lie while the vectors are on",
        ),
        (Placement(quantization="binary", memory="disk"), 0.3, "binary codes first"),
        (Placement(quantization="none", memory="disk"), 0.98, "read from disk"),
        (Placement(memory="codes"), 0.98, "int8 codes first"),
        (Placement(), 0.98, ""),
    ],
)
def test_the_embedded_server_finds_by_codes_and_compares_by_vectors(
    serve: Callable[[Path], ServerThread], tmp_path: Path, placement: Placement, least: float, said: str
) -> None:
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, 32))
    vectors = (centres[random.integers(20, size=6000)] + random.normal(size=(6000, 32)) * 0.6).astype(np.float32)
    queries = vectors[::100] + 0.05
    unit, asked = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (vectors, queries))
    true = np.argsort(-asked @ unit.T, axis=1)[:, :10]
    server = serve(tmp_path / "vectors")
    with VectorStore(server.address, placement=placement) as store:
        store.create_collection("c", dimension=32, expected=len(vectors))
        store.upsert("c", np.arange(len(vectors)), vectors)
        store.build_index("c")
        found = store.search_batch("c", queries, 10, payload=False)
        exact = store.search_batch("c", queries, 10, payload=False, exact=True)
        one = store.search("c", queries[0], 10, payload=False)
        assert [hit.id for hit in one] == [hit.id for hit in found[0]]
        assert said in store.info("c").layout
        assert bool(store.info("c").layout) is bool(said)
    server.stop()
    # The layout is that of the collection, whatever a later process asks for.
    with VectorStore(serve(tmp_path / "vectors").address) as store:
        again = store.search_batch("c", queries, 10, payload=False)
        assert [[hit.id for hit in answer] for answer in again] == [[hit.id for hit in answer] for answer in found]
    assert (
        np.mean([len({hit.id for hit in answer} & set(near)) / 10 for answer, near in zip(found, true, strict=True)])
        > least
    )
    assert all({hit.id for hit in answer} == set(near) for answer, near in zip(exact, true, strict=True))
    # What is told are cosines of the vectors, not of their codes.
    for answer, query in zip(found, asked, strict=True):
        np.testing.assert_allclose([hit.score for hit in answer], unit[[hit.id for hit in answer]] @ query, atol=1e-5)


def test_the_layout_is_chosen_by_the_size_of_the_vectors() -> None:
    automatic = Placement()
    assert automatic.for_vectors(2_000_000, 128).quantization == "none"
    large = automatic.for_vectors(3_000_000, 128)
    assert (large.quantization, large.memory) == ("int8", "codes")
    assert Placement(memory="disk").for_vectors(3_000_000, 128).memory == "disk"
    assert Placement(quantization="none").for_vectors(3_000_000, 128).quantization == "none"


def test_a_real_server_keeps_what_it_is_asked_for() -> None:
    if "LSE_TEST_QDRANT_URL" not in os.environ:
        pytest.skip("no real Qdrant server: set LSE_TEST_QDRANT_URL to its gRPC address, such as localhost:6334")
    placement = Placement(shards=2, replicas=1, quantization="int8", memory="codes")
    name = f"test-{uuid.uuid4().hex}"
    with VectorStore(os.environ["LSE_TEST_QDRANT_URL"], placement=placement) as store:
        store.create_collection(name, dimension=8)
        store.delete_collection(name)


def test_settings_that_contradict_one_another_are_refused_before_anything_starts(tmp_path: Path) -> None:
    stores = {
        "catalogue_url": f"sqlite:///{tmp_path}/catalogue.db",
        "artifacts_url": f"file://{tmp_path}",
        "vectors_url": "http://127.0.0.1:1",
        "compute_url": "tcp://127.0.0.1:1",
    }
    for wrong, said in (
        ({"vectors_memory": "codes", "vectors_quantization": "none"}, "vectors_quantization"),
        ({"vectors_write_consistency": 3, "vectors_replicas": 2}, "raise vectors_replicas"),
    ):
        with (
            pytest.raises(InvalidArgumentError, match=said),
            open_platform(load_settings(**stores, **wrong)),
        ):
            pass
    with pytest.raises(FailedPreconditionError), open_platform(load_settings(**stores, vectors_replicas=2)):
        pass  # the catalogue has no tables yet, the settings are right
