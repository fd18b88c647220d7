"""Long work of clustering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.analysis.clusterers import Clustering, cluster
from lse.analysis.clusterers.hierarchy import Hierarchy
from lse.analysis.clusterers.stability import STABILITY_SHARE, Stability
from lse.analysis.neighbours import Metric, NeighbourGraph, graph_quality, stored_graph
from lse.analysis.portraits import ClusterSummary, summarise_clusters
from lse.analysis.scores import ClusteringScores, score_clustering
from lse.analysis.traits import angle_period
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import ClusteringRecord, DatasetRecord, ExperimentRecord, ProjectionRecord
from lse.platform.catalogue.records.clustering import Cluster, ClusteringResult, ClusteringSpec
from lse.platform.catalogue.records.dataset import DatasetResult
from lse.platform.catalogue.records.experiment import ExperimentResult
from lse.platform.compute import TaskChannel
from lse.platform.operations import JobContext
from lse.platform.prepared_images import prepared_images
from lse.platform.vectors.payload import cluster_key
from lse.progress import Progress

__all__ = ["hierarchy_of", "run_clustering"]

# A class column is recognised by its name: what catalogues call it.
CLASS_COLUMNS = ("class", "label", "type", "morphology")
_NOTHING = "nothing in the metadata distinguishes it"


def run_clustering(context: JobContext[ClusteringRecord]) -> None:
    """Group the images of an experiment, or take the groups of another level of a clustering."""
    platform, spec = context.platform, context.resource.spec
    experiment = platform.resources.get_ready(context.resource.parent, ExperimentRecord)
    dataset = platform.resources.get_ready(experiment.spec.dataset, DatasetRecord)
    coordinates_uri = ""
    if spec.projection:
        coordinates_uri = platform.resources.get_ready(spec.projection, ProjectionRecord).result.coordinates_uri
    source = platform.resources.get_ready(spec.cut_from, ClusteringRecord).result if spec.cut_from else None
    result = context.run(
        group_images,
        platform.artifacts,
        GroupedImages(spec, experiment.result, dataset.result, context.folder, coordinates_uri, source),
        stage="clustering",
        returns=ClusteringResult,
    )
    labels = platform.artifacts.read_array(result.labels_uri)
    with context.stage("storing clusters"):
        context.report(Progress("storing clusters", 0, len(labels), "images"))
        platform.vectors.set_payload(
            experiment.uid,
            np.arange(len(labels)),
            cluster_key(context.resource.id),
            labels.tolist(),
            indexed="integer",
        )
    context.publish(result)


@dataclass(frozen=True)
class GroupedImages:
    """What is grouped, how, and the folder for what comes out; the vectors where there are no coordinates.

    `source` is what a clustering is cut from.
    """

    spec: ClusteringSpec
    experiment: ExperimentResult
    dataset: DatasetResult
    folder: str
    coordinates_uri: str = ""
    source: ClusteringResult | None = None


def group_images(artifacts: Artifacts, images: GroupedImages, channel: TaskChannel) -> ClusteringResult:
    """Group points, write labels and memberships, score and summarise the groups."""
    spec, dataset = images.spec, images.dataset
    points = artifacts.read_array(images.coordinates_uri or images.experiment.vectors_uri)
    clustering = _cut(artifacts, images.source, spec) if images.source else _run(artifacts, images, points, channel)
    # Scored and summarised by the distance that the images were grouped by.
    metric: Metric = clustering.report["preparation"]["metric"]
    channel.report(Progress("scoring"))
    # With "row", so that a dataset without a catalogue still gives one line per image.
    table = prepared_images(artifacts, dataset.table_uri, ["row", *dataset.catalogue_columns]).slice(0, len(points))
    metadata = table.to_pandas().drop(columns="row")
    class_column = next((column for column in CLASS_COLUMNS if column in metadata), None)
    scores = score_clustering(
        points,
        clustering.labels,
        metric=metric,
        classes=metadata[class_column] if class_column else None,
        seed=spec.seed,
    )
    periods = {
        name: period
        for name, column in dataset.columns.items()
        if (period := angle_period(name, unit=column.unit, ucd=column.ucd)) is not None
    }
    summaries = summarise_clusters(points, clustering.labels, metric=metric, metadata=metadata, periods=periods)
    labels_uri, memberships_uri = f"{images.folder}/labels.zarr", f"{images.folder}/memberships.zarr"
    artifacts.write_array(labels_uri, clustering.labels)
    artifacts.write_array(memberships_uri, clustering.memberships)
    stability, stabilities_uri = clustering.stability, ""
    if stability is not None:
        stabilities_uri = f"{images.folder}/stabilities.zarr"
        artifacts.write_array(stabilities_uri, stability.points)
    return ClusteringResult(
        labels_uri=labels_uri,
        memberships_uri=memberships_uri,
        image_count=len(points),
        noise_count=int((clustering.labels < 0).sum()),
        clusters=tuple(_cluster(summary, stability, compared=not metadata.empty) for summary in summaries),
        figures={
            "silhouette": scores.silhouette,
            "dbcv": scores.dbcv,
            "davies_bouldin": scores.davies_bouldin,
            "calinski_harabasz": scores.calinski_harabasz,
            "adjusted_rand": scores.adjusted_rand,
            "mutual_information": scores.mutual_information,
            "noise_fraction": scores.noise_fraction,
            "stability": None if stability is None else stability.agreement,
            "structure_p_value": (clustering.report["structure"] or {}).get("p_value"),
        },
        notes=tuple(_notes(clustering.report, scores, class_column)),
        report=dict(clustering.report),
        stabilities_uri=stabilities_uri,
        **_kept(artifacts, clustering.hierarchy, f"{images.folder}/hierarchy"),
    )


def _run(artifacts: Artifacts, images: GroupedImages, points: NDArray[np.float32], channel: TaskChannel) -> Clustering:
    return cluster(
        points,
        method=images.spec.method,
        parameters=images.spec.parameters,
        neighbours=None if images.coordinates_uri else _graph(artifacts, images.experiment),
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )


def _kept(artifacts: Artifacts, hierarchy: Hierarchy | None, folder: str) -> dict[str, Any]:
    """Write a hierarchy; the fields of the result that say where and what it is."""
    if hierarchy is None:
        return {}
    for name, values in hierarchy.arrays():
        artifacts.write_array(f"{folder}/{name}.zarr", values)
    return {"hierarchy_uri": folder, "level_kind": hierarchy.kind, "finest_level": hierarchy.finest}


def hierarchy_of(artifacts: Artifacts, result: ClusteringResult) -> Hierarchy:
    """The hierarchy that was kept with a clustering."""
    folder = result.hierarchy_uri
    return Hierarchy.read(
        result.level_kind, result.finest_level, lambda name: artifacts.read_array(f"{folder}/{name}.zarr")
    )


def _cut(artifacts: Artifacts, source: ClusteringResult, spec: ClusteringSpec) -> Clustering:
    """Groups of another level, and the report of the source but for what is of its own groups alone."""
    labels, memberships = hierarchy_of(artifacts, source).cut(spec.cut_level)
    n_clusters = int(labels.max()) + 1
    parameters = source.report["parameters"]
    own = {"n_clusters": n_clusters} if "n_clusters" in parameters else {}
    kept = ("method", "rows", "preparation", "library", "structure", "warning")
    report = {
        **{key: source.report[key] for key in kept if key in source.report},
        "parameters": {**parameters, **own, "stability_runs": 0},
        "cut": {"from": spec.cut_from, source.level_kind: spec.cut_level},
        "clusters": n_clusters,
        "noise_rows": int((labels < 0).sum()),
    }
    return Clustering(labels, memberships, n_clusters, report)


def _notes(report: Mapping[str, Any], scores: ClusteringScores, class_column: str | None) -> Iterator[str]:
    """Sentences for a person."""
    yield from (str(report[key]) for key in ("warning", "advice") if key in report)
    if cut := report.get("cut"):
        (_, name), (kind, level) = cut.items()
        yield f"A level of the hierarchy of '{name.rsplit('/', 1)[-1]}': {kind} {level:g}."
    if graph := report["preparation"].get("neighbour_graph"):
        how = "the experiment's" if graph["source"] == "shared" else "one of its own"
        yield f"Reduced by UMAP on {how} neighbour graph, {graph_quality(graph)}."
    yield f"Scores, medoids and distances are by the {scores.metric} distance."
    if runs := report["parameters"].get("stability_runs"):
        yield (
            f"The stability was measured by {runs} repetitions on {STABILITY_SHARE:.0%} of the images, "
            "after the reduction."
        )
    if scores.silhouette is not None and scores.silhouette_rows < report["rows"]:
        yield f"Silhouette and DBCV were computed on {scores.silhouette_rows} of the {report['rows']} images."
    if scores.adjusted_rand is not None:
        yield f"The adjusted Rand index compares with the column '{class_column}' on {scores.class_rows} images."


def _graph(artifacts: Artifacts, experiment: ExperimentResult) -> NeighbourGraph:
    return stored_graph(
        lambda name: artifacts.read_array(f"{experiment.neighbours_uri}/{name}"),
        recall=experiment.neighbour_recall,
        recall_rows=experiment.neighbour_recall_image_count,
    )


def _cluster(summary: ClusterSummary, stability: Stability | None, *, compared: bool) -> Cluster:
    traits = tuple(trait.sentence() for trait in summary.traits)
    return Cluster(
        cluster=summary.label,
        image_count=summary.size,
        medoid_row=summary.medoid_row,
        mean_distance=summary.mean_distance,
        nearest_cluster=-1 if summary.nearest_cluster is None else summary.nearest_cluster,
        traits=traits or ((_NOTHING,) if compared else ()),
        stability=None if stability is None else float(stability.clusters[summary.label]),
    )
