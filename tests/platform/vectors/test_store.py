"""What every vector server must do, through the one door."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lse.errors import (
    AlreadyExistsError,
    CancelledError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from lse.platform.vectors import Hit, VectorFilter, VectorStore
from lse.progress import Progress

Vectors = npt.NDArray[np.float32]


def cosine(vectors: Vectors, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    rows = vectors.astype(np.float64)
    similarity: npt.NDArray[np.float64] = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    return similarity


def ids_of(hits: list[Hit]) -> list[int]:
    return [hit.id for hit in hits]


@pytest.fixture
def filled(store: VectorStore, name: str, clustered: Vectors) -> str:
    """Collection of `clustered` with ids 0, 1, … and payloads."""
    store.create_collection(name, dimension=24, indexed={"kind": "keyword", "label": "integer"})
    payloads = [
        {"kind": "even" if i % 2 == 0 else "odd", "label": i % 5, "weight": i / 4, "bright": i % 3 == 0}
        for i in range(len(clustered))
    ]
    store.upsert(name, np.arange(len(clustered)), clustered, payloads)
    return name


def test_ping_names_the_server(store: VectorStore) -> None:
    assert "dge" in store.ping() or "drant" in store.ping()


def test_collections_come_and_go(store: VectorStore, name: str) -> None:
    assert not store.has_collection(name)
    store.create_collection(name, dimension=3, distance="dot", indexed={"label": "integer", "kind": "keyword"})
    assert store.has_collection(name)
    assert name in store.list_collections()
    info = store.info(name)
    assert (info.dimension, info.distance, info.points, info.status) == (3, "dot", 0, "green")
    assert info.payload_indexes == {"label": "integer", "kind": "keyword"}
    assert store.delete_collection(name)
    assert not store.delete_collection(name)
    assert name not in store.list_collections()


def test_create_again_is_refused_unless_it_agrees(store: VectorStore, name: str) -> None:
    store.create_collection(name, dimension=3)
    with pytest.raises(AlreadyExistsError, match=name):
        store.create_collection(name, dimension=3)
    store.create_collection(name, dimension=3, exist_ok=True, indexed={"label": "bool"})
    assert store.info(name).payload_indexes == {"label": "bool"}
    with pytest.raises(FailedPreconditionError, match="length 3"):
        store.create_collection(name, dimension=4, exist_ok=True)


@pytest.mark.parametrize("exact", [True, False])
def test_search_agrees_with_numpy(store: VectorStore, filled: str, clustered: Vectors, exact: bool) -> None:
    query = clustered[11] + 0.1
    hits = store.search(filled, query, 10, exact=exact)
    truth = cosine(clustered, query)
    assert ids_of(hits) == np.argsort(-truth)[:10].tolist()
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(truth)[::-1][:10], atol=1e-5)
    number = hits[0].id
    assert hits[0].payload == {
        "kind": "even" if number % 2 == 0 else "odd",
        "label": number % 5,
        "weight": number / 4,
        "bright": number % 3 == 0,
    }


def test_search_by_id_leaves_the_point_out(store: VectorStore, filled: str, clustered: Vectors) -> None:
    truth = cosine(clustered, clustered[42])
    truth[42] = -2
    assert ids_of(store.search(filled, 42, 5, payload=False)) == np.argsort(-truth)[:5].tolist()
    with pytest.raises(NotFoundError, match="4242"):
        store.search(filled, 4242, 5)


def test_search_returns_the_payload_asked_for(store: VectorStore, filled: str) -> None:
    assert store.search(filled, 3, 1, payload=False)[0].payload == {}
    assert set(store.search(filled, 3, 1, payload=["label"])[0].payload) == {"label"}


def test_search_batch_is_many_searches(store: VectorStore, filled: str, clustered: Vectors) -> None:
    found = store.search_batch(filled, clustered[:150], 4, payload=False)
    assert len(found) == 150
    assert found[7] == store.search(filled, clustered[7], 4, payload=False)
    by_id = store.search_batch(filled, np.arange(5), 4)
    assert by_id[2] == store.search(filled, 2, 4)
    assert store.search_batch(filled, np.empty((0, 24)), 4) == []


numbers = np.arange(600)


@pytest.mark.parametrize(
    ("where", "allowed"),
    [
        (VectorFilter(equals={"kind": "odd"}), numbers % 2 == 1),
        (VectorFilter(equals={"label": np.int64(3)}), numbers % 5 == 3),
        (VectorFilter(equals={"label": [1, 3], "kind": "even"}), np.isin(numbers % 5, [1, 3]) & (numbers % 2 == 0)),
        (VectorFilter(not_equals={"label": 0}), numbers % 5 != 0),
        (VectorFilter(not_equals={"label": [0, 1]}), numbers % 5 > 1),
        (VectorFilter(not_equals={"absent": 1}), numbers >= 0),
        (VectorFilter(equals={"bright": True}), numbers % 3 == 0),
        (VectorFilter(equals={"weight": 2.5}), numbers == 10),
        (VectorFilter(exclude_ids=np.arange(590)), numbers >= 590),
        (VectorFilter(equals={"kind": "even"}, not_equals={"label": 0}, exclude_ids=[2]),
         (numbers % 2 == 0) & (numbers % 5 != 0) & (numbers != 2)),
    ],
)  # fmt: skip
def test_filters_agree_with_numpy(
    store: VectorStore, filled: str, clustered: Vectors, where: VectorFilter, allowed: npt.NDArray[np.bool_]
) -> None:
    truth = np.where(allowed, cosine(clustered, clustered[0]), -2)
    expected = [int(i) for i in np.argsort(-truth)[:12] if truth[i] > -2]
    assert ids_of(store.search(filled, clustered[0], 12, where=where)) == expected
    assert store.count(filled, where) == allowed.sum()


@pytest.mark.parametrize("value", [None, [], [1, "a"], {"a": 1}])
def test_a_filter_value_that_cannot_be_compared_is_refused(store: VectorStore, name: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="label"):
        store.count(name, VectorFilter(equals={"label": value}))


def test_set_payload_sets_one_key(store: VectorStore, filled: str) -> None:
    labels = numbers % 3 - 1
    store.set_payload(filled, numbers, "clusterings/k3", labels, indexed="integer")
    assert store.info(filled).payload_indexes["clusterings/k3"] == "integer"
    assert store.count(filled, VectorFilter(equals={"clusterings/k3": -1})) == 200
    assert store.get(filled, [4]).payloads[0] == {
        "kind": "even", "label": 4, "weight": 1.0, "bright": False, "clusterings/k3": 0,
    }  # fmt: skip
    store.set_payload(filled, [1, 2, 3], "note", ["a", None, float("nan")])
    assert ["note" in payload for payload in store.get(filled, [1, 2, 3]).payloads] == [True, False, False]


@pytest.mark.parametrize("key", ["cluster.k3", "flux (Jy)"])
def test_a_payload_key_is_dropped_with_its_index_alone(store: VectorStore, filled: str, key: str) -> None:
    before = store.info(filled).payload_indexes
    store.set_payload(filled, numbers, key, numbers % 3, indexed="integer")
    store.drop_payload(filled, key)
    assert store.info(filled).payload_indexes == before
    payloads = store.get(filled, numbers).payloads
    assert {name for payload in payloads for name in payload} == {"kind", "label", "weight", "bright"}
    assert store.count(filled, VectorFilter(equals={key: 1})) == 0
    store.drop_payload(filled, "of nobody")
    assert store.get(filled, numbers).payloads == payloads


def test_set_payload_of_many_values(store: VectorStore, filled: str) -> None:
    values = np.sqrt(numbers)
    store.set_payload(filled, numbers, "score", values)
    stored = [payload["score"] for payload in store.get(filled, numbers).payloads]
    np.testing.assert_allclose(stored, values, rtol=1e-15)
    assert store.count(filled, VectorFilter(equals={"score": float(values[14])})) == 1


@pytest.mark.parametrize("key", ["g-r.v2", "flux (Jy)", "class/type", "Größe", "a[0]"])
def test_any_name_of_a_column_can_be_a_key(store: VectorStore, filled: str, key: str) -> None:
    store.set_payload(filled, numbers, key, numbers % 4, indexed="integer")
    assert store.count(filled, VectorFilter(equals={key: 1}, not_equals={key: 2})) == 150
    assert store.info(filled).payload_indexes[key] == "integer"


@pytest.mark.parametrize("key", ["", 'a"b', "a\\b"])
def test_a_key_that_cannot_be_named_is_refused(store: VectorStore, name: str, key: str) -> None:
    with pytest.raises(InvalidArgumentError, match="payload key"):
        store.index_payload(name, key, "integer")


def test_set_payload_of_an_unknown_point_is_refused(store: VectorStore, filled: str) -> None:
    with pytest.raises(NotFoundError, match="9999"):
        store.set_payload(filled, [1, 9999], "note", ["a", "a"])


def test_payload_values_survive_the_journey(store: VectorStore, name: str) -> None:
    store.create_collection(name, dimension=2)
    payload = {"text": "Ω", "big": 2**62, "list": [1, [2.5, None], {"a": False}], "nested": {"b": {"c": "d"}}}
    store.upsert(name, [0], [[1, 2]], [payload])
    assert store.get(name, [0]).payloads == [payload]
    with pytest.raises(InvalidArgumentError, match="64 bits"):
        store.upsert(name, [0], [[1, 2]], [{"big": 2**63}])
    with pytest.raises(InvalidArgumentError, match="object"):
        store.upsert(name, [0], [[1, 2]], [{"thing": object()}])


def test_get_keeps_the_order_and_leaves_out_the_unknown(store: VectorStore, filled: str, clustered: Vectors) -> None:
    points = store.get(filled, [9, 5000, 3])
    assert points.ids.tolist() == [9, 3]
    normalised = clustered[[9, 3]] / np.linalg.norm(clustered[[9, 3]], axis=1, keepdims=True)
    np.testing.assert_allclose(points.vectors, normalised, atol=1e-6)
    assert store.get(filled, []).vectors.shape == (0, 24)


def test_upsert_reports_progress_and_cuts_into_messages(store: VectorStore, name: str) -> None:
    rows = np.random.default_rng(1).normal(size=(4100, 8)).astype(np.float32)
    seen: list[Progress] = []
    store.create_collection(name, dimension=8)
    store.upsert(name, np.arange(4100), rows, on_progress=seen.append)
    assert [(p.done, p.total) for p in seen] == [(2048, 4100), (4096, 4100), (4100, 4100)]
    assert store.count(name) == 4100


def test_build_index_makes_it_and_keeps_what_is_found(store: VectorStore, name: str) -> None:
    rng = np.random.default_rng(3)
    rows = (rng.normal(size=(20, 1024))[rng.integers(0, 20, 2600)] + 0.5 * rng.normal(size=(2600, 1024))).astype("f4")
    store.create_collection(name, dimension=1024)
    store.upsert(name, np.arange(2600), rows, [{"part": i % 2} for i in range(2600)])
    seen: list[Progress] = []
    state = store.build_index(name, seen.append)
    assert (state.status, state.points, state.indexed) == ("green", 2600, 2600)
    assert seen[-1].done == seen[-1].total == 2600
    queries = rows[:40] + 0.05
    truth = store.search_batch(name, queries, 10, exact=True, payload=False)
    found = store.search_batch(name, queries, 10, payload=False)
    shared = [len(set(ids_of(a)) & set(ids_of(b))) for a, b in zip(truth, found, strict=True)]
    assert np.mean(shared) >= 9.8
    assert {h.payload["part"] for h in store.search(name, rows[0], 20, where=VectorFilter(equals={"part": 1}))} == {1}


def test_a_small_collection_needs_no_index(store: VectorStore, filled: str) -> None:
    state = store.build_index(filled)
    assert (state.status, state.points) == ("green", 600)


def test_waiting_for_an_index_can_be_cancelled(store: VectorStore, name: str) -> None:
    rows = np.random.default_rng(4).normal(size=(2600, 1024)).astype(np.float32)
    store.create_collection(name, dimension=1024)
    store.upsert(name, np.arange(2600), rows)
    with pytest.raises(CancelledError):
        store.build_index(name, should_stop=lambda: True)


calls: list[Callable[[VectorStore, str], Any]] = [
    lambda store, name: store.info(name),
    lambda store, name: store.drop_payload(name, "a"),
    lambda store, name: store.upsert(name, [1], [[1.0]]),
    lambda store, name: store.set_payload(name, [1], "a", [1]),
    lambda store, name: store.delete(name, [1]),
    lambda store, name: store.build_index(name),
    lambda store, name: store.search(name, [1.0]),
    lambda store, name: store.search_batch(name, [[1.0]]),
    lambda store, name: store.get(name, [1]),
    lambda store, name: store.count(name),
    lambda store, name: store.index_payload(name, "a", "bool"),
]


@pytest.mark.parametrize("call", calls)
def test_an_unknown_collection_is_not_found(
    store: VectorStore, name: str, call: Callable[[VectorStore, str], Any]
) -> None:
    with pytest.raises(NotFoundError, match=f"There is no collection {name}") as caught:
        call(store, name)
    assert caught.value.reason == "COLLECTION_NOT_FOUND"


@pytest.mark.parametrize(
    "call",
    [
        lambda store, name: store.upsert(name, [1], [[1.0, 2.0]]),
        lambda store, name: store.search(name, [1.0, 2.0]),
        lambda store, name: store.search_batch(name, [[1.0, 2.0]]),
    ],
)
def test_a_wrong_dimension_is_refused(store: VectorStore, name: str, call: Callable[[VectorStore, str], Any]) -> None:
    store.create_collection(name, dimension=3)
    with pytest.raises(InvalidArgumentError, match="expected dim: 3, got 2"):
        call(store, name)
    assert store.count(name) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.create_collection("a/b", dimension=3),
        lambda store: store.create_collection("", dimension=3),
        lambda store: store.create_collection("a", dimension=0),
        lambda store: store.create_collection("a", dimension=3, distance="manhatten"),
        lambda store: store.upsert("a", [1], [[np.nan]]),
        lambda store: store.upsert("a", [1, 2], [[1.0]]),
        lambda store: store.upsert("a", [-1], [[1.0]]),
        lambda store: store.upsert("a", [1.5], [[1.0]]),
        lambda store: store.upsert("a", [1], [1.0]),
        lambda store: store.upsert("a", [1], [[1.0]], []),
        lambda store: store.set_payload("a", [1], "b", []),
        lambda store: store.search("a", [1.0], 0),
        lambda store: store.search("a", [np.inf]),
    ],
)
def test_wrong_arguments_are_refused_at_the_door(store: VectorStore, call: Callable[[VectorStore], Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        call(store)


@pytest.mark.parametrize("address", ["localhost", "ftp://a:1", ":6334"])
def test_a_wrong_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidArgumentError, match="address"):
        VectorStore(address)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with VectorStore(f"127.0.0.1:{port}") as store, pytest.raises(UnavailableError, match="cannot be reached"):
        store.ping()


def test_only_grpc_is_spoken(store: VectorStore, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a call over REST")

    monkeypatch.setattr(httpx.Client, "send", refuse)
    store.ping()
    store.create_collection(name, dimension=2, indexed={"a": "integer"})
    store.upsert(name, [1, 2], [[1, 0], [0, 1]], [{"a": 1}, {"a": 2}])
    store.set_payload(name, [1], "b", [True], indexed="bool")
    store.build_index(name)
    assert ids_of(store.search(name, [1.0, 0.1])) == [1, 2]
    assert ids_of(store.search_batch(name, [[1.0, 0.1]])[0]) == [1, 2]
    store.delete(name, [1])
    assert (store.count(name), store.get(name, [2]).ids.tolist(), name in store.list_collections()) == (1, [2], True)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True)),
        st.tuples(st.just("delete"), st.lists(st.integers(0, 12), min_size=1, max_size=5)),
        st.tuples(st.just("label"), st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True)),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, seed=st.integers(0, 2**16))
def test_any_sequence_of_changes_agrees_with_a_dict(
    store: VectorStore, name: str, steps: list[tuple[str, list[int]]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    store.delete_collection(name)
    store.create_collection(name, dimension=3, distance="euclidean")
    model: dict[int, tuple[list[float], dict[str, int]]] = {}
    for turn, (kind, ids) in enumerate(steps):
        if kind == "upsert":
            rows = rng.normal(size=(len(ids), 3)).astype(np.float32)
            store.upsert(name, ids, rows, [{"turn": turn}] * len(ids))
            model.update({i: (row.tolist(), {"turn": turn}) for i, row in zip(ids, rows, strict=True)})
        elif kind == "delete":
            store.delete(name, ids)
            for i in ids:
                model.pop(i, None)
        else:
            present = [i for i in ids if i in model]
            store.set_payload(name, present, "label", [turn + i % 2 for i in present])
            for i in present:
                model[i][1]["label"] = turn + i % 2
    stored = store.get(name, np.arange(13))
    assert stored.ids.tolist() == sorted(model)
    for number, vector, payload in zip(stored.ids.tolist(), stored.vectors, stored.payloads, strict=True):
        assert vector.tolist() == model[number][0]
        assert payload == model[number][1]
    query = rng.normal(size=3).astype(np.float32)
    nearest = sorted(model, key=lambda i: float(np.linalg.norm(np.array(model[i][0]) - query)))
    assert ids_of(store.search(name, query, 20)) == nearest
