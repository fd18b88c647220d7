"""Long work of encoding: vectors, their place in Qdrant, the neighbour graph."""

from __future__ import annotations

from functools import partial
from types import NoneType

import numpy as np

from lse.analysis.neighbours import find_neighbours, unit_vectors
from lse.analysis.outliers import OUTLIER_SCORES
from lse.columns import payloads
from lse.errors import FailedPreconditionError
from lse.kinds import kind_named
from lse.platform.catalogue import (
    ClusteringRecord,
    DatasetRecord,
    EncoderRecord,
    ExperimentRecord,
    PredictionRecord,
)
from lse.platform.catalogue.records.dataset import DatasetResult
from lse.platform.catalogue.records.experiment import ExperimentResult
from lse.platform.inference.encoders import experiment_model
from lse.platform.operations import JobContext
from lse.platform.prepared_images import image_blocks, prepared_images
from lse.platform.rpc.uploads import upload_uri
from lse.platform.vectors.payload import cluster_key, prediction_key
from lse.platform.vectors.points import has_path
from lse.progress import Progress
from lse.services.encoding.batches import BATCH_ROWS, BuiltGraph, GraphUris, build_graph, encode_rows
from lse.tables.ready_vectors import read_vectors

__all__ = ["encode_experiment", "import_experiment", "rebuild_experiment"]

_RECALL_QUERIES = 500
_RECALL_K = 10


def encode_experiment(context: JobContext[ExperimentRecord]) -> None:
    """See a dataset through an encoder."""
    platform, spec = context.platform, context.resource.spec
    dataset = platform.resources.get_ready(spec.dataset, DatasetRecord)
    encoder = platform.resources.get_ready(spec.encoder, EncoderRecord)
    model = experiment_model(context.resource, encoder)
    count, dimension = dataset.result.prepared_count, encoder.version(model.version).dimension
    vectors_uri = f"{context.folder}/vectors.zarr"

    def lay_out() -> None:
        chunks = (min(BATCH_ROWS, count), dimension)
        platform.artifacts.create_array(vectors_uri, shape=(count, dimension), dtype="float32", chunks=chunks)

    context.once(lay_out, stage="laying out", returns=NoneType)
    uris = (dataset.result.images_uri, vectors_uri)
    batches = {f"{first:09d}": first for first in range(0, count, BATCH_ROWS)}
    context.map(
        encode_rows,
        {name: (platform.artifacts, platform.inference, model, uris, first) for name, first in batches.items()},
        stage="encoding",
        unit="images",
        units={name: min(BATCH_ROWS, count - first) for name, first in batches.items()},
    )
    _complete(context, dataset.result, vectors_uri, engine=platform.inference.kind)


def import_experiment(context: JobContext[ExperimentRecord]) -> None:
    """Make an experiment of ready vectors."""
    platform, spec = context.platform, context.resource.spec
    dataset = platform.resources.get_ready(spec.dataset, DatasetRecord)
    vectors_uri = f"{context.folder}/vectors.zarr"
    with context.stage("reading"):
        names = prepared_images(platform.artifacts, dataset.result.table_uri, ["name"])["name"].to_pylist()
        upload = upload_uri(platform, context.resource)
        with platform.artifacts.local_file(upload) as path:
            vectors = platform.reading.call(
                read_vectors,
                *(path, spec.file_name, names),
                what=f"The file {spec.file_name}",
                input_bytes=path.stat().st_size,
                should_stop=context.should_stop,
            )
        platform.artifacts.write_array(vectors_uri, vectors, chunk_rows=BATCH_ROWS)
    context.supersede(upload)
    _complete(context, dataset.result, vectors_uri, engine="")


def rebuild_experiment(context: JobContext[ExperimentRecord]) -> None:
    """Fill the collection of an experiment anew, from its vectors and what was made of them."""
    platform, experiment = context.platform, context.resource
    dataset = platform.resources.get_ready(experiment.spec.dataset, DatasetRecord)
    vectors = platform.artifacts.read_array(experiment.result.vectors_uri)

    def store() -> None:
        # Also one that is there and whole, which may be laid out otherwise than new ones are now.
        platform.vectors.delete_collection(experiment.uid)
        _store_vectors(context, dataset.result, vectors)

    context.once(store, stage="storing vectors", returns=NoneType)
    with context.stage("storing clusters and classes"):
        _store_groups(context)
    with context.stage("measuring the search"):
        recall, _ = _search_recall(context, vectors)
    context.publish_change(
        lambda latest: latest.with_result(latest.result.model_copy(update={"search_recall": recall}))
    )


def _store_groups(context: JobContext[ExperimentRecord]) -> None:
    """Write the clusters and classes of all clusterings and predictions to the experiment's collection."""
    platform, experiment = context.platform, context.resource
    read, write = platform.artifacts.read_array, partial(platform.vectors.set_payload, experiment.uid)
    for clustering in platform.resources.all(ClusteringRecord, experiment.name):
        if clustering.state == "ready":
            context.check()
            labels = read(clustering.result.labels_uri)
            write(np.arange(len(labels)), cluster_key(clustering.id), labels.tolist(), indexed="integer")
    for prediction in platform.resources.all(PredictionRecord, experiment.name):
        if prediction.state == "ready":
            context.check()
            codes = read(prediction.result.codes_uri)
            classes = np.array([each.label for each in prediction.result.classes])
            write(np.arange(len(codes)), prediction_key(prediction.id), classes[codes].tolist(), indexed="keyword")


def _complete(context: JobContext[ExperimentRecord], dataset: DatasetResult, vectors_uri: str, *, engine: str) -> None:
    """Index the vectors in Qdrant, build the neighbour graph, measure the search, publish."""
    artifacts = context.platform.artifacts
    vectors = artifacts.read_array(vectors_uri)
    if len(vectors) < 2:
        raise FailedPreconditionError(
            "The dataset has one image only: an experiment needs at least two.", reason="DATASET_IMAGES_TOO_FEW"
        )
    context.once(lambda: _store_vectors(context, dataset, vectors), stage="storing vectors", returns=NoneType)
    uris = GraphUris(vectors_uri, f"{context.folder}/neighbours", f"{context.folder}/outliers.zarr")
    graph = context.run(
        build_graph,
        *(artifacts, uris, context.resource.spec.neighbour_count),
        stage="building the neighbour graph",
        returns=BuiltGraph,
    )
    with context.stage("measuring the search"):
        recall, queries = _search_recall(context, vectors)
    notes = [f"The recall of the vector search was measured on {queries} images, at {_RECALL_K} neighbours."]
    if layout := context.platform.vectors.info(context.resource.uid).layout:
        notes.append(layout)
    if graph.recall_rows:
        notes.append(
            f"The neighbour graph is approximate: it has {graph.recall:.1%} of the true neighbours, as measured on "
            f"{graph.recall_rows} images."
        )
    if not np.ptp(vectors, axis=0).any():
        notes.append("All vectors are equal: the encoder has collapsed, train it again.")
    context.publish(
        ExperimentResult(
            vectors_uri=vectors_uri,
            neighbours_uri=uris.neighbours,
            image_count=len(vectors),
            dimension=vectors.shape[1],
            neighbour_count=graph.k,
            neighbour_recall=graph.recall,
            neighbour_recall_image_count=graph.recall_rows,
            outliers_uri=uris.outliers,
            outlier_scores=tuple(OUTLIER_SCORES),
            inference_engine=engine,
            search_recall=recall,
            notes=tuple(notes),
            dataset_version=dataset.version_of(len(vectors)),
        )
    )


def _store_vectors(context: JobContext[ExperimentRecord], dataset: DatasetResult, vectors: np.ndarray) -> None:
    """Write all vectors to the experiment's collection, with the name and the catalogue's columns of each image."""
    store, collection, columns = context.platform.vectors, context.resource.uid, dataset.catalogue_columns
    indexes = {column: kind_named(dataset.columns[column].type).index for column in columns if has_path(column)}
    store.create_collection(
        collection,
        dimension=vectors.shape[1],
        indexed={"name": "keyword", **indexes},
        exist_ok=True,
        expected=len(vectors),
    )
    row = 0
    for block in image_blocks(context.platform.artifacts, dataset.table_uri, ["name", *columns], range(len(vectors))):
        rows = np.arange(row, row + block.num_rows)
        # The engine takes lengths in float32, in which those of tiny and of huge vectors are 0 or infinite.
        store.upsert(collection, rows, unit_vectors(vectors[rows]), payloads(block))
        row += block.num_rows
        context.report(Progress("storing vectors", row, len(vectors), "images"))
    store.build_index(collection, should_stop=context.should_stop)


def _search_recall(context: JobContext[ExperimentRecord], vectors: np.ndarray) -> tuple[float, int]:
    """Share of the true nearest neighbours that the vector search finds, and on how many queries."""
    k = min(_RECALL_K, len(vectors) - 1)
    queries = np.unique(np.linspace(0, len(vectors) - 1, min(_RECALL_QUERIES, len(vectors))).astype(int))
    found = context.platform.vectors.search_batch(context.resource.uid, queries, k, payload=False)
    _, distances = find_neighbours(vectors[queries], vectors, k=k + 1)
    # By distance and not by row: one of several equally near images is as good as another. The query itself is nearest.
    bounds = distances[:, -1] + 1e-5
    hits = [sum(1 - hit.score <= bound for hit in answer) for answer, bound in zip(found, bounds, strict=True)]
    return float(np.sum(hits) / (k * len(queries))), len(queries)
