"""Long work of encoding: vectors, their place in Qdrant, the neighbour graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from lse.encoding.batches import BATCH_ROWS, build_graph, encode_rows
from lse.encoding.ready_vectors import read_vectors
from lse.platform.errors import InvalidArgumentError
from lse.platform.inference.encoders import encoder_model, version_of
from lse.platform.neighbours import find_neighbours
from lse.platform.operations import JobContext
from lse.platform.prepared_images import prepared_images
from lse.platform.progress import Progress
from lse.platform.rpc.uploads import upload_uri
from lse.platform.vectors.store import IndexKind

__all__ = ["encode_experiment", "import_experiment"]

_RECALL_QUERIES = 500
_RECALL_K = 10
_INDEX_KINDS: dict[str, IndexKind] = {"text": "keyword", "integer": "integer", "number": "float", "boolean": "bool"}


def encode_experiment(context: JobContext) -> None:
    """See a dataset through an encoder."""
    platform = context.platform
    dataset = platform.resources.get_ready(context.parameters["dataset"], "dataset")
    encoder = platform.resources.get_ready(context.parameters["encoder"], "encoder")
    spec = context.resource.spec
    model = encoder_model(encoder, spec.get("encoder_version", 0), spec.get("encoder_precision", ""))
    count, dimension = dataset.result["prepared"], version_of(encoder, model.version)["dimension"]
    vectors_uri = f"{context.folder}/vectors.zarr"
    context.once(lambda: _create_vectors(context, vectors_uri, (count, dimension)), stage="laying out")
    context.map(
        encode_rows,
        {
            f"{first:09d}": (
                platform.artifacts,
                platform.inference,
                model,
                (dataset.result["images_uri"], vectors_uri),
                first,
            )
            for first in range(0, count, BATCH_ROWS)
        },
        stage="encoding",
        unit="images",
        units={f"{first:09d}": min(BATCH_ROWS, count - first) for first in range(0, count, BATCH_ROWS)},
    )
    _complete(context, dataset.result, vectors_uri, engine=platform.inference.kind)


def import_experiment(context: JobContext) -> None:
    """Make an experiment of ready vectors."""
    platform = context.platform
    dataset = platform.resources.get_ready(context.parameters["dataset"], "dataset")
    vectors_uri = f"{context.folder}/vectors.zarr"
    with context.stage("reading"):
        names = prepared_images(platform.artifacts, dataset.result["table_uri"], ["name"])["name"].to_pylist()
        upload = upload_uri(platform, context.resource)
        vectors = read_vectors(platform.artifacts.read_bytes(upload), context.parameters["file_name"], names)
        platform.artifacts.write_array(vectors_uri, vectors, chunk_rows=BATCH_ROWS)
    context.on_finished(lambda: platform.artifacts.remove(upload))
    _complete(context, dataset.result, vectors_uri, engine="")


def _create_vectors(context: JobContext, uri: str, shape: tuple[int, int]) -> None:
    chunks = (min(BATCH_ROWS, shape[0]), shape[1])
    context.platform.artifacts.create_array(uri, shape=shape, dtype="float32", chunks=chunks)


def _complete(context: JobContext, dataset: Any, vectors_uri: str, *, engine: str) -> None:
    """Index the vectors in Qdrant, build the neighbour graph, measure the search, publish."""
    artifacts = context.platform.artifacts
    vectors = artifacts.read_array(vectors_uri)
    if len(vectors) < 2:
        raise InvalidArgumentError(
            "The dataset has one image only: an experiment needs at least two.", reason="TOO_FEW_IMAGES"
        )
    collection = context.resource.uid
    _store_vectors(context, dataset, vectors)
    neighbours_uri = f"{context.folder}/neighbours"
    graph = context.run(
        build_graph,
        *(artifacts, vectors_uri, neighbours_uri, context.parameters["neighbours"]),
        stage="building the neighbour graph",
    )
    with context.stage("measuring the search"):
        recall, queries = _search_recall(context, collection, vectors)
    notes = [f"The recall of the vector search was measured on {queries} images, at {_RECALL_K} neighbours."]
    if graph["recall"] < 1:
        notes.append(f"The neighbour graph is approximate: it has {graph['recall']:.1%} of the true neighbours.")
    if not np.ptp(vectors, axis=0).any():
        notes.append("All vectors are equal: the encoder has collapsed, train it again.")
    context.publish(
        {
            "vectors_uri": vectors_uri,
            "neighbours_uri": neighbours_uri,
            "images": len(vectors),
            "dimension": vectors.shape[1],
            "neighbours": graph["k"],
            "engine": engine,
            "search_recall": recall,
            "notes": notes,
        }
    )


def _store_vectors(context: JobContext, dataset: Any, vectors: np.ndarray) -> None:
    """Write all vectors to the experiment's collection, with the name and the catalogue's columns of each image."""
    store, collection = context.platform.vectors, context.resource.uid
    columns = dataset["catalogue_columns"]
    kinds: dict[str, IndexKind] = {column: _INDEX_KINDS[dataset["columns"][column]] for column in columns}

    def write() -> None:
        payloads = prepared_images(context.platform.artifacts, dataset["table_uri"], ["name", *columns]).to_pylist()
        store.create_collection(
            collection, dimension=vectors.shape[1], indexed={"name": "keyword", **kinds}, exist_ok=True
        )
        store.upsert(
            collection,
            np.arange(len(vectors)),
            vectors,
            payloads,
            on_progress=lambda p: context.report(Progress("storing vectors", p.done, p.total, "images")),
        )
        store.build_index(collection, should_stop=context.should_stop)

    context.once(write, stage="storing vectors")


def _search_recall(context: JobContext, collection: str, vectors: np.ndarray) -> tuple[float, int]:
    """Share of the true nearest neighbours that the vector search finds, and on how many queries."""
    k = min(_RECALL_K, len(vectors) - 1)
    queries = np.unique(np.linspace(0, len(vectors) - 1, min(_RECALL_QUERIES, len(vectors))).astype(int))
    found = context.platform.vectors.search_batch(collection, queries, k, payload=False)
    _, distances = find_neighbours(vectors[queries], vectors, k=k + 1)
    # By distance and not by row: one of several equally near images is as good as another. The query itself is nearest.
    bounds = distances[:, -1] + 1e-5
    hits = [sum(1 - hit.score <= bound for hit in answer) for answer, bound in zip(found, bounds, strict=True)]
    return float(np.sum(hits) / (k * len(queries))), len(queries)
