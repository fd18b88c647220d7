"""Images of one experiment on the map of another."""

from __future__ import annotations

from dataclasses import dataclass

from lse.analysis.reducers import ModelState, restore_model
from lse.errors import FailedPreconditionError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import ExperimentRecord, ProjectionRecord
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
    uris = MapUris(source.result.vectors_uri, target.result.vectors_uri, coordinates_uri, f"{context.folder}/cloud")
    rows = context.run(place_vectors, *(context.platform.artifacts, fitted.result, uris), stage="placing", returns=int)
    context.publish(
        ProjectionResult(
            coordinates_uri=coordinates_uri,
            cloud_uri=uris.cloud,
            image_count=rows,
            notes=(f"Placed on the map '{fitted.id}' of the experiment '{source.id}', whose points stay.",),
            report={"placed_on": fitted.name, "rows": rows},
        )
    )


@dataclass(frozen=True)
class MapUris:
    """Vectors that a map was made of, vectors that are placed on it, and where their coordinates and cloud go."""

    fitted_vectors: str
    vectors: str
    coordinates: str
    cloud: str


def place_vectors(artifacts: Artifacts, fitted: ProjectionResult, uris: MapUris, channel: TaskChannel) -> int:
    """Place vectors block by block and write their coordinates; the number of rows."""
    arrays = {name: artifacts.read_array(uri) for name, uri in fitted.model_arrays.items()}
    places = artifacts.read_array(fitted.coordinates_uri)
    model = restore_model(ModelState(fitted.model, arrays), artifacts.read_array(uris.fitted_vectors), places)
    vectors = artifacts.open_array(uris.vectors)
    rows, components = vectors.shape[0], places.shape[1]
    chunks = (min(_BLOCK_ROWS, rows), components)
    coordinates = artifacts.create_array(uris.coordinates, shape=(rows, components), dtype="float32", chunks=chunks)
    for first in range(0, rows, _BLOCK_ROWS):
        channel.report(Progress("placing", first, rows, "images"))
        coordinates[first : first + _BLOCK_ROWS] = model.transform(
            artifacts.read_array(uris.vectors, range(first, min(first + _BLOCK_ROWS, rows)))
        )
    publish_cloud(artifacts, artifacts.read_array(uris.coordinates), uris.cloud)
    return int(rows)
