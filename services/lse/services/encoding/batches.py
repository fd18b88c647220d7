"""Tasks of an encoding: images through the encoder, batch by batch, and the neighbour graph of what came out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.outliers import score_outliers
from lse.errors import DataLossError, InvalidArgumentError
from lse.platform.artifacts import Artifacts
from lse.platform.compute import TaskChannel
from lse.platform.inference import InferenceSettings
from lse.platform.inference.encoders import EncoderModel, serve_encoder
from lse.progress import Monitor

__all__ = ["BATCH_ROWS", "BuiltGraph", "GraphUris", "build_graph", "encode_rows"]

# Rows of a task and of a chunk of the vectors: a few seconds of work, a few hundred kilobytes of vectors.
BATCH_ROWS = 1024


@dataclass(frozen=True)
class BuiltGraph:
    """A neighbour graph: neighbours of each image, and the share of true ones, measured on some rows if not exact."""

    k: int
    recall: float | None
    recall_rows: int


def encode_rows(
    artifacts: Artifacts,
    inference: InferenceSettings,
    encoder: EncoderModel,
    uris: tuple[str, str],
    first: int,
) -> int:
    """Encode the rows of one task and write their vectors.

    Parameters
    ----------
    artifacts
        Where images are and vectors go.
    inference
        Engine to open in this process.
    encoder
        Version and precision of the encoder.
    uris
        URIs of the images, float32 (n, C, H, W), and of the vectors, float32 (n, D).
    first
        First row.

    Returns
    -------
    int
        Rows encoded.

    Raises
    ------
    InvalidArgumentError
        If the encoder gives vectors that are not finite.
    """
    images_uri, vectors_uri = uris
    images = np.asarray(artifacts.open_array(images_uri)[first : first + BATCH_ROWS])
    vectors = serve_encoder(artifacts, inference, encoder)(images)
    if not np.isfinite(vectors).all():
        row = first + int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        remedy = "train it again, with a lower learning rate" if encoder.precision == "fp32" else "use it in fp32"
        raise InvalidArgumentError(
            f"The encoder gives a vector with NaN or infinity for row {row}: {remedy}.",
            reason="VECTORS_NOT_FINITE",
            row=row,
        )
    artifacts.open_array(vectors_uri, writable=True)[first : first + len(vectors)] = vectors
    return len(vectors)


@dataclass(frozen=True)
class GraphUris:
    """Vectors that a graph is made of, its folder, and the array of the outlier scores that are made of both."""

    vectors: str
    neighbours: str
    outliers: str


def build_graph(artifacts: Artifacts, uris: GraphUris, k: int, channel: TaskChannel) -> BuiltGraph:
    """Build the neighbour graph of an experiment and score outliers; k of 0 takes what suits the number of images."""
    vectors = artifacts.read_array(uris.vectors)
    if not np.isfinite(vectors).all():
        raise DataLossError("The stored vectors are damaged: encode the experiment again.", reason="VECTORS_DAMAGED")
    graph = build_neighbour_graph(
        vectors, k=min(k, len(vectors) - 1) or None, on_progress=channel.report, should_stop=channel.should_stop
    )
    artifacts.write_array(f"{uris.neighbours}/indices", graph.indices)
    artifacts.write_array(f"{uris.neighbours}/distances", graph.distances)
    monitor = Monitor(channel.report, channel.should_stop)
    artifacts.write_array(uris.outliers, score_outliers(vectors, graph, monitor=monitor))
    return BuiltGraph(graph.k, graph.recall, graph.recall_rows)
