"""The embedded server: durable through kill -9, alone on its folder, honest about what it does not do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
from qdrant_client import grpc as messages

from lse.errors import FailedPreconditionError, InternalError, NotFoundError, UnavailableError
from lse.platform.vectors import VectorFilter, VectorStore, edge_collection
from lse.platform.vectors.edge_server import EdgeServer

Start = Callable[[Path], "ServerProgram"]  # noqa: F821 - the class is the conftest's


def rows(n: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)


def create_soon_indexed(store: VectorStore, name: str, *, dimension: int = 256) -> None:
    """Make a collection that is worth an index from 1500 KB of vectors on."""
    params = messages.VectorParams(size=dimension, distance=messages.Distance.Dot)
    with grpc.insecure_channel(store.address) as channel:
        messages.CollectionsStub(channel).Create(
            messages.CreateCollection(
                collection_name=name,
                vectors_config=messages.VectorsConfig(params=params),
                optimizers_config=messages.OptimizersConfigDiff(indexing_threshold=1500),
            )
        )


def until_gone(work: Callable[[int], int]) -> int:
    """Call `work` with the sum of what it returned, until the server is gone; the sum is returned."""
    done = 0
    with contextlib.suppress(UnavailableError):
        while True:
            done += work(done)
    return done


def test_acknowledged_points_survive_kill_9(start_server: Start, serve: Start, tmp_path: Path) -> None:
    server = start_server(tmp_path)
    vectors = rows(100_000, 8)
    with VectorStore(server.address) as store:
        store.create_collection("survivor", dimension=8, distance="dot", indexed={"label": "integer"})

        def write(start: int) -> int:
            ids = np.arange(start, start + 100)
            part = ids % len(vectors)
            store.upsert("survivor", ids, vectors[part], [{"label": int(i % 3)} for i in part])
            return 100

        threading.Timer(0.6, server.process.kill).start()
        acknowledged = until_gone(write)
    server.kill()
    assert acknowledged > 0

    server = serve(tmp_path)
    with VectorStore(server.address) as store:
        assert store.list_collections() == ["survivor"]
        assert acknowledged <= store.count("survivor") <= acknowledged + 100
        stored = store.get("survivor", np.arange(acknowledged))
        assert len(stored.ids) == acknowledged
        np.testing.assert_array_equal(stored.vectors, vectors[np.arange(acknowledged) % len(vectors)])
        assert [payload["label"] for payload in stored.payloads] == [i % len(vectors) % 3 for i in range(acknowledged)]
        assert store.info("survivor").payload_indexes == {"label": "integer"}


def test_after_a_stop_all_is_there_again(serve: Start, tmp_path: Path) -> None:
    server = serve(tmp_path)
    with VectorStore(server.address) as store:
        for name in ("one", "two", "three"):
            store.create_collection(name, dimension=16)
            store.upsert(name, np.arange(50), rows(50))
        store.delete_collection("two")
    server.stop()
    with VectorStore(serve(tmp_path).address) as store:
        assert store.list_collections() == ["one", "three"]
        assert store.count("three") == 50
        with pytest.raises(NotFoundError):
            store.count("two")


def test_half_made_and_half_deleted_collections_are_removed(serve: Start, tmp_path: Path) -> None:
    server = serve(tmp_path)
    with VectorStore(server.address) as store:
        store.create_collection("whole", dimension=16)
        store.upsert("whole", np.arange(50), rows(50))
    server.stop()
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for left_over in (tmp_path / ".creating-1", tmp_path / ".deleted-2", folder / "building-3"):
        left_over.mkdir()
        (left_over / "file").write_text("half")
    with VectorStore(serve(tmp_path).address) as store:
        assert store.list_collections() == ["whole"]
        assert store.count("whole") == 50
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, "LOCK"}
    assert not (folder / "building-3").exists()


def test_kill_9_while_an_index_is_built_loses_nothing(start_server: Start, serve: Start, tmp_path: Path) -> None:
    server = start_server(tmp_path)
    vectors = rows(2000, 256)
    with VectorStore(server.address) as store:
        create_soon_indexed(store, "big")
        store.upsert("big", np.arange(2000), vectors)
        assert store.info("big").status == "grey"

        def build(done: int) -> int:
            store.build_index("big")
            store.upsert("big", np.arange(2000), vectors)
            return 1

        threading.Timer(0.4, server.process.kill).start()
        until_gone(build)
    server.kill()
    with VectorStore(serve(tmp_path).address) as store:
        assert store.count("big") == 2000
        np.testing.assert_array_equal(store.get("big", [1999]).vectors[0], vectors[1999])
        assert store.build_index("big").indexed == 2000


def test_changes_and_searches_go_on_while_an_index_is_built(serve: Start, tmp_path: Path) -> None:
    server = serve(tmp_path)
    vectors = rows(9000, 256)
    with VectorStore(server.address) as store, VectorStore(server.address) as other:
        create_soon_indexed(store, "big")
        store.upsert("big", np.arange(2000), vectors[:2000])
        built = threading.Thread(target=other.build_index, args=("big",))
        built.start()
        turn, during = 0, 0
        while built.is_alive():
            store.upsert("big", [2000 + turn], vectors[2000 + turn : 2001 + turn], [{"turn": turn}])
            store.delete("big", [turn])
            store.set_payload("big", [1999], "turn", [turn])
            assert store.search("big", vectors[2000 + turn], 1, payload=False)[0].id == 2000 + turn
            during += store.info("big").status == "yellow"
            turn += 1
        assert during > 0
        assert store.count("big") == 2000
        assert store.count("big", VectorFilter(equals={"turn": turn - 1})) == 2
        assert store.get("big", np.arange(turn)).ids.size == 0
        assert store.get("big", 2000 + np.arange(turn)).ids.size == turn
        assert 0 < store.info("big").indexed <= 2000


def test_deleting_a_collection_stops_its_build(serve: Start, tmp_path: Path) -> None:
    with VectorStore(serve(tmp_path).address) as store:
        create_soon_indexed(store, "big")
        store.upsert("big", np.arange(2000), rows(2000, 256))
        store._start_build("big")
        assert store.delete_collection("big")
        store.create_collection("big", dimension=16)
        assert store.info("big").status == "green"
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_a_build_that_fails_is_told_and_can_be_tried_again(
    serve: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VectorStore(serve(tmp_path).address) as store:
        create_soon_indexed(store, "big")
        store.upsert("big", np.arange(2000), rows(2000, 256))
        with monkeypatch.context() as broken:
            broken.setattr(edge_collection, "_BUILDER", tmp_path / "absent.py")
            with pytest.raises(InternalError, match=r"could not be built.*absent\.py"):
                store.build_index("big")
        assert store.info("big").status == "red"
        assert store.count("big") == 2000
        assert store.build_index("big").indexed == 2000


def test_rewritten_vectors_are_indexed_again(serve: Start, tmp_path: Path) -> None:
    with VectorStore(serve(tmp_path).address) as store:
        create_soon_indexed(store, "big")
        store.upsert("big", np.arange(2000), rows(2000, 256))
        assert store.build_index("big").indexed == 2000
        again = rows(2000, 256, seed=1)
        store.upsert("big", np.arange(2000), again)
        state = store.info("big")
        assert (state.status, state.indexed) == ("grey", 0)
        assert store.build_index("big").indexed == 2000
        assert store.search("big", again[17], 1)[0].id == 17


def test_a_second_server_on_the_same_folder_is_refused(serve: Start, tmp_path: Path) -> None:
    serve(tmp_path)
    second = subprocess.run(
        [Path(sys.executable).with_name("lse"), "vectors", "--vectors-root", str(tmp_path), "--vectors-port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert second.stdout == ""
    assert f"is open in another server (process {os.getpid()})" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_in_process_server_starts_stops_and_keeps_its_port(tmp_path: Path) -> None:
    async def run() -> None:
        first = EdgeServer(tmp_path)
        await first.start()
        with VectorStore(first.address) as store:
            await asyncio.to_thread(store.create_collection, "mine", dimension=4)
        second = EdgeServer(tmp_path / "other", port=first.port)
        with pytest.raises(UnavailableError, match=str(first.port)):
            await second.start()
        with pytest.raises(FailedPreconditionError, match="another server"):
            await EdgeServer(tmp_path).start()
        await first.stop()
        again = EdgeServer(tmp_path)
        await again.start()
        with VectorStore(again.address) as store:
            assert await asyncio.to_thread(store.list_collections) == ["mine"]
        await again.stop()

    asyncio.run(run())


def call(address: str, method: str, request: messages.Message) -> tuple[grpc.StatusCode, str]:
    service, name = method.split("/")
    with grpc.insecure_channel(address) as channel:
        stub = {"Points": messages.PointsStub, "Collections": messages.CollectionsStub}[service](channel)
        with pytest.raises(grpc.RpcError) as caught:
            getattr(stub, name)(request)
    return caught.value.code(), caught.value.details()


def test_what_is_not_built_answers_unimplemented_by_name(serve: Start, tmp_path: Path) -> None:
    address = serve(tmp_path).address
    with VectorStore(address) as store:
        store.create_collection("some", dimension=2)
        store.upsert("some", [1], [[1, 2]])
    clearing = messages.PointsUpdateOperation(clear_payload=messages.PointsUpdateOperation.ClearPayload())
    cleared = messages.UpdateBatchPoints(collection_name="some", operations=[clearing])
    filtered = messages.DeletePoints(collection_name="some", points=messages.PointsSelector(filter=messages.Filter()))
    prefetched = messages.QueryPoints(collection_name="some", prefetch=[messages.PrefetchQuery()])
    fused = messages.QueryPoints(collection_name="some", query=messages.Query(fusion=messages.Fusion.RRF))
    sparse = messages.CreateCollection(collection_name="b", sparse_vectors_config=messages.SparseVectorConfig())
    for method, request, named in (
        ("Points/SearchGroups", messages.SearchPointGroups(), "qdrant.Points/SearchGroups"),
        ("Points/Facet", messages.FacetCounts(), "qdrant.Points/Facet"),
        ("Points/Scroll", messages.ScrollPoints(collection_name="some"), "qdrant.Points/Scroll"),
        ("Points/UpdateBatch", cleared, "clear_payload"),
        ("Points/Delete", filtered, "filter"),
        ("Collections/UpdateAliases", messages.ChangeAliases(), "qdrant.Collections/UpdateAliases"),
        ("Points/Query", prefetched, "prefetch"),
        ("Points/Query", fused, "fusion"),
        ("Collections/Create", sparse, "sparse_vectors_config"),
    ):
        code, details = call(address, method, request)
        assert code == grpc.StatusCode.UNIMPLEMENTED
        assert named in details


def test_statuses_are_those_of_qdrant(serve: Start, tmp_path: Path) -> None:
    address = serve(tmp_path).address
    with VectorStore(address) as store:
        store.create_collection("some", dimension=2)
    params = messages.VectorParams(size=2, distance=messages.Distance.Cosine)
    config = messages.VectorsConfig(params=params)
    again = messages.CreateCollection(collection_name="some", vectors_config=config)
    slash = messages.CreateCollection(collection_name="a/b", vectors_config=config)
    nan = messages.PointStruct(
        id=messages.PointId(num=1),
        vectors=messages.Vectors(vector=messages.Vector(dense=messages.DenseVector(data=[1, float("nan")]))),
    )
    bad_id = messages.GetPoints(collection_name="some", ids=[messages.PointId(uuid="no")])
    missing = messages.CountPoints(collection_name="none")
    for method, request, code in (
        ("Collections/Create", again, grpc.StatusCode.ALREADY_EXISTS),
        ("Collections/Create", slash, grpc.StatusCode.INVALID_ARGUMENT),
        ("Collections/Create", messages.CreateCollection(collection_name="c"), grpc.StatusCode.INVALID_ARGUMENT),
        ("Points/Upsert", messages.UpsertPoints(collection_name="some", points=[nan]),
         grpc.StatusCode.INVALID_ARGUMENT),
        ("Points/Get", bad_id, grpc.StatusCode.INVALID_ARGUMENT),
        ("Points/Delete", messages.DeletePoints(collection_name="some"), grpc.StatusCode.INVALID_ARGUMENT),
        ("Points/Count", missing, grpc.StatusCode.NOT_FOUND),
    ):  # fmt: skip
        assert call(address, method, request)[0] == code, method


def test_a_query_has_the_options_of_the_protocol(serve: Start, tmp_path: Path) -> None:
    address = serve(tmp_path).address
    with VectorStore(address) as store:
        store.create_collection("some", dimension=16, distance="dot", indexed={"a": "integer"})
        store.upsert("some", np.arange(30), rows(30), [{"a": i % 2, "b": i} for i in range(30)])
        with grpc.insecure_channel(address) as channel:
            points = messages.PointsStub(channel)
            query = messages.QueryPoints(
                collection_name="some",
                query=messages.Query(nearest=messages.VectorInput(id=messages.PointId(num=3))),
                limit=3, offset=2, with_vectors=messages.WithVectorsSelector(enable=True),
                with_payload=messages.WithPayloadSelector(exclude=messages.PayloadExcludeSelector(fields=["b"])),
                params=messages.SearchParams(hnsw_ef=64), score_threshold=-100,
            )  # fmt: skip
            found = points.Query(query).result
            assert [hit.id.num for hit in found] == [hit.id for hit in store.search("some", 3, 5)][2:]
            assert len(found[0].vectors.vector.dense.data) == 16
            assert set(found[0].payload) == {"a"}


def test_sigterm_lets_calls_under_way_end(start_server: Start, serve: Start, tmp_path: Path) -> None:
    server = start_server(tmp_path)
    vectors = rows(20_000, 64)
    with VectorStore(server.address) as store:
        store.create_collection("some", dimension=64)

        def write(start: int) -> int:
            part = vectors[start % 20_000 : start % 20_000 + 1000]
            store.upsert("some", np.arange(start, start + 1000), part)
            return 1000

        threading.Timer(0.3, server.process.send_signal, [signal.SIGTERM]).start()
        acknowledged = until_gone(write)
    # A second SIGTERM could meet an interpreter that has put the default handlers back.
    assert server.wait() == 0
    with VectorStore(serve(tmp_path).address) as store:
        assert store.count("some") >= acknowledged > 0


def test_a_call_that_a_server_cuts_off_as_it_ends_is_unavailable() -> None:
    def cut_off(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.CANCELLED, "CANCELLED")
        return request

    method = grpc.unary_unary_rpc_method_handler(cut_off)
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("qdrant.Points", {"Count": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with VectorStore(f"127.0.0.1:{port}") as store, pytest.raises(UnavailableError):
        store.count("some")
    server.stop(None)
