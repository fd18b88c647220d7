"""Long work of projection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lse.platform.artifacts import Artifacts
from lse.platform.compute import TaskChannel
from lse.platform.neighbours import NeighbourGraph
from lse.platform.operations import JobContext
from lse.projection.reducers import reduce

__all__ = ["run_projection"]


def run_projection(context: JobContext) -> None:
    """Arrange the vectors of an experiment."""
    parameters = context.parameters
    experiment = context.platform.resources.get_ready(context.resource.parent, "experiment")
    coordinates_uri = f"{context.folder}/coordinates.zarr"
    report = context.run(
        reduce_vectors,
        *(context.platform.artifacts, dict(experiment.result), dict(parameters), coordinates_uri),
        stage="projecting",
    )
    context.publish(
        {
            "coordinates_uri": coordinates_uri,
            "images": report["rows"],
            "figures": _figures(report),
            "notes": _notes(report),
            "report": report,
        }
    )


def reduce_vectors(
    artifacts: Artifacts,
    experiment: Mapping[str, Any],
    parameters: Mapping[str, Any],
    coordinates_uri: str,
    channel: TaskChannel,
) -> dict[str, Any]:
    """Reduce the vectors of an experiment and write the coordinates; the report of the method."""
    vectors = artifacts.read_array(experiment["vectors_uri"])
    neighbours = NeighbourGraph(
        indices=artifacts.read_array(f"{experiment['neighbours_uri']}/indices"),
        distances=artifacts.read_array(f"{experiment['neighbours_uri']}/distances"),
        metric="cosine",
    )
    projection = reduce(
        vectors,
        method=parameters["method"],
        components=parameters["components"],
        parameters=parameters["settings"],
        seed=parameters["seed"],
        neighbours=neighbours,
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    artifacts.write_array(coordinates_uri, np.asarray(projection.coordinates, np.float32))
    return dict(projection.report)


def _figures(report: Mapping[str, Any]) -> dict[str, float]:
    faithfulness = report["faithfulness"] or {}
    figures = {key: float(faithfulness[key]) for key in ("trustworthiness", "neighbours_kept") if key in faithfulness}
    for axis, share in enumerate(report["explained_variance"] or (), 1):
        figures[f"explained_variance_{axis}"] = share
    return figures


def _notes(report: Mapping[str, Any]) -> list[str]:
    notes = [f"Preparation: {report['preparation']}."]
    graph = report.get("neighbour_graph")
    if graph:
        how = "the experiment's" if graph["source"] == "shared" else "one of its own"
        notes.append(f"Neighbour graph: {how}, {graph['k']} neighbours by {graph['metric']}.")
    faithfulness = report["faithfulness"]
    if faithfulness:
        notes.append(
            f"Trustworthiness and neighbours kept are those of {faithfulness['sample_rows']} images, "
            f"{faithfulness['k']} neighbours each."
        )
    return notes
