"""Long work of clustering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lse.clustering.clusterers import cluster
from lse.clustering.scores import score_clustering
from lse.clustering.summaries import ClusterSummary, summarise_clusters
from lse.platform.artifacts import Artifacts
from lse.platform.compute import TaskChannel
from lse.platform.neighbours import Metric
from lse.platform.operations import JobContext
from lse.platform.prepared_images import prepared_images
from lse.platform.progress import Progress
from lse.platform.vectors.payload import cluster_key

__all__ = ["run_clustering"]

# A class column is recognised by its name: what catalogues call it.
CLASS_COLUMNS = ("class", "label", "type", "morphology")


def run_clustering(context: JobContext) -> None:
    """Group the images of an experiment."""
    parameters, platform = context.parameters, context.platform
    experiment = platform.resources.get_ready(context.resource.parent, "experiment")
    dataset = platform.resources.get_ready(experiment.spec["dataset"], "dataset")
    points_uri = experiment.result["vectors_uri"]
    if parameters["projection"]:
        projection = platform.resources.get_ready(parameters["projection"], "projection")
        points_uri = projection.result["coordinates_uri"]
    uris = {
        "points": points_uri,
        "table": dataset.result["table_uri"],
        "labels": f"{context.folder}/labels.zarr",
        "memberships": f"{context.folder}/memberships.zarr",
    }
    outcome = context.run(
        group_images,
        *(platform.artifacts, uris, list(dataset.result["catalogue_columns"]), dict(parameters)),
        stage="clustering",
    )
    labels = platform.artifacts.read_array(uris["labels"])
    with context.stage("storing clusters"):
        context.report(Progress("storing clusters", 0, len(labels), "images"))
        platform.vectors.set_payload(
            experiment.uid,
            np.arange(len(labels)),
            cluster_key(context.resource.id),
            labels.tolist(),
            indexed="integer",
        )
    context.publish({"labels_uri": uris["labels"], "memberships_uri": uris["memberships"], **outcome})


def group_images(
    artifacts: Artifacts,
    uris: Mapping[str, str],
    columns: list[str],
    parameters: Mapping[str, Any],
    channel: TaskChannel,
) -> dict[str, Any]:
    """Group points, write labels and memberships, score and summarise the groups."""
    points = artifacts.read_array(uris["points"])
    metric: Metric = "euclidean" if parameters["projection"] else "cosine"
    clustering = cluster(
        points,
        method=parameters["method"],
        parameters=parameters["settings"],
        seed=parameters["seed"],
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    channel.report(Progress("scoring"))
    # With "row", so that a dataset without a catalogue still gives one line an image.
    images = prepared_images(artifacts, uris["table"], ["row", *columns]).slice(0, len(points))
    metadata = images.to_pandas().drop(columns="row")
    class_column = next((column for column in CLASS_COLUMNS if column in metadata), None)
    scores = score_clustering(
        points,
        clustering.labels,
        metric=metric,
        classes=metadata[class_column] if class_column else None,
        seed=parameters["seed"],
    )
    summaries = summarise_clusters(points, clustering.labels, metric=metric, metadata=metadata)
    artifacts.write_array(uris["labels"], clustering.labels)
    artifacts.write_array(uris["memberships"], clustering.memberships)
    notes = [f"{key}: {value}" for key, value in clustering.report.items() if key in ("advice",)]
    if scores.silhouette is not None and scores.silhouette_rows < len(points):
        notes.append(f"The silhouette was computed on {scores.silhouette_rows} of the {len(points)} images.")
    if scores.adjusted_rand is not None:
        notes.append(
            f"The adjusted Rand index compares with the column '{class_column}' on {scores.class_rows} images."
        )
    return {
        "images": len(points),
        "noise": int((clustering.labels < 0).sum()),
        "clusters": [_cluster(summary) for summary in summaries],
        "figures": {
            "silhouette": scores.silhouette,
            "davies_bouldin": scores.davies_bouldin,
            "calinski_harabasz": scores.calinski_harabasz,
            "adjusted_rand": scores.adjusted_rand,
            "mutual_information": scores.mutual_information,
            "noise_fraction": scores.noise_fraction,
        },
        "notes": notes,
        "report": dict(clustering.report),
    }


def _cluster(summary: ClusterSummary) -> dict[str, Any]:
    traits = [
        f"{found.column} is {found.value}: {found.share:.0%} here, {found.overall_share:.0%} overall"
        for found in summary.over_represented
    ]
    traits += [
        f"median {shift.column} is {shift.median:.4g} here, {shift.overall_median:.4g} overall"
        for shift in summary.shifts
    ]
    return {
        "cluster": summary.label,
        "images": summary.size,
        "medoid_row": summary.medoid_row,
        "mean_distance": summary.mean_distance,
        "nearest_cluster": -1 if summary.nearest_cluster is None else summary.nearest_cluster,
        "traits": traits,
    }
