"""Images of one experiment on the map of another."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from lse.analysis.drift import Drift, NoveltyScale, drift_of
from lse.analysis.neighbours import stored_graph
from lse.analysis.reducers import ModelState, restore_model
from lse.errors import FailedPreconditionError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import ExperimentRecord, ProjectionRecord
from lse.platform.catalogue.records.experiment import ExperimentResult
from lse.platform.catalogue.records.projection import ProjectionResult
from lse.platform.compute import TaskChannel
from lse.platform.operations import JobContext
from lse.progress import Progress
from lse.services.projection.clouds import publish_cloud

__all__ = ["check_same_vectors", "transform_projection"]

_BLOCK_ROWS = 8192


def check_same_vectors(fitted: ExperimentRecord, target: ExperimentRecord) -> None:
    """Refuse to place vectors among others than of their kind.

    Raises
    ------
    FailedPreconditionError
        The vectors of the two experiments come from different encoders, or have different dimensions.
    """
    one, other = fitted.spec, target.spec
    same_encoder = (one.encoder, one.encoder_version) == (other.encoder, other.encoder_version)
    if not same_encoder or fitted.result.dimension != target.result.dimension:
        raise FailedPreconditionError(
            f"The vectors of '{target.id}' are not those of the encoder version that '{fitted.id}' was made with: "
            "encode the dataset with that one first.",
            reason="PROJECTION_VECTORS_MISMATCH",
        )


def transform_projection(context: JobContext[ProjectionRecord]) -> None:
    """Place the images of an experiment on the map of another, whose points stay where they are."""
    ready = context.platform.resources.get_ready
    fitted = ready(context.resource.spec.placed_on, ProjectionRecord)
    source = ready(fitted.parent, ExperimentRecord)
    target = ready(context.resource.parent, ExperimentRecord)
    coordinates_uri = f"{context.folder}/coordinates.zarr"
    uris = MapUris(target.result.vectors_uri, coordinates_uri, f"{context.folder}/novelty.zarr")
    placed = context.run(
        place_vectors,
        *(context.platform.artifacts, source.result, fitted.result, uris),
        stage="placing",
        returns=PlacedImages,
    )
    context.publish(
        ProjectionResult(
            coordinates_uri=coordinates_uri,
            cloud_uri=publish_cloud(context, coordinates_uri),
            image_count=placed.rows,
            trust_uri=uris.novelty,
            trust_columns=("novelty",),
            figures={"novelty": placed.drift.novelty, "foreign_images": placed.drift.foreign},
            notes=(
                f"Placed on the map '{fitted.id}' of the experiment '{source.id}', whose points stay.",
                placed.drift.sentence(placed.rows),
            ),
            report={"placed_on": fitted.name, "rows": placed.rows, "drift": asdict(placed.drift)},
        )
    )


@dataclass(frozen=True)
class MapUris:
    """Vectors that are placed on a map, and where their coordinates and their novelty go."""

    vectors: str
    coordinates: str
    novelty: str


@dataclass(frozen=True)
class PlacedImages:
    """Number of images that were placed, and how they differ from those of the map."""

    rows: int
    drift: Drift


def place_vectors(
    artifacts: Artifacts, source: ExperimentResult, fitted: ProjectionResult, uris: MapUris, channel: TaskChannel
) -> PlacedImages:
    """Place vectors block by block; write their coordinates and their novelty."""
    arrays = {name: artifacts.read_array(uri) for name, uri in fitted.model_arrays.items()}
    places = artifacts.read_array(fitted.coordinates_uri)
    known = artifacts.read_array(source.vectors_uri)
    model = restore_model(ModelState(fitted.model, arrays), known, places)
    graph = stored_graph(
        lambda name: artifacts.read_array(f"{source.neighbours_uri}/{name}"),
        recall=source.neighbour_recall,
        recall_rows=source.neighbour_recall_image_count,
    )
    scale = NoveltyScale.of(known, graph)
    vectors = artifacts.open_array(uris.vectors)
    rows, components = vectors.shape[0], places.shape[1]
    chunks = (min(_BLOCK_ROWS, rows), components)
    coordinates = artifacts.create_array(uris.coordinates, shape=(rows, components), dtype="float32", chunks=chunks)
    novelty = np.empty(rows, np.float32)
    for first in range(0, rows, _BLOCK_ROWS):
        channel.report(Progress("placing", first, rows, "images"))
        here = slice(first, min(first + _BLOCK_ROWS, rows))
        new = artifacts.read_array(uris.vectors, range(here.start, here.stop))
        coordinates[here] = model.transform(new)
        novelty[here] = scale.novelty(new)
    artifacts.write_array(uris.novelty, novelty[:, None])
    return PlacedImages(int(rows), drift_of(novelty))
