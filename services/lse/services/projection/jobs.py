"""Long work of projection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lse.analysis.neighbours import graph_quality, stored_graph
from lse.analysis.reducers import REDUCERS, reduce
from lse.analysis.trust import TRUST_COLUMNS, measure_trust
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import ExperimentRecord, ProjectionRecord
from lse.platform.catalogue.records.experiment import ExperimentResult
from lse.platform.catalogue.records.projection import ProjectionResult, ProjectionSpec
from lse.platform.compute import TaskChannel
from lse.platform.operations import JobContext
from lse.progress import Monitor
from lse.services.projection.beside import Beside, keep_beside
from lse.services.projection.clouds import publish_cloud

__all__ = ["run_projection"]


def run_projection(context: JobContext[ProjectionRecord]) -> None:
    """Arrange the vectors of an experiment."""
    experiment = context.platform.resources.get_ready(context.resource.parent, ExperimentRecord)
    spec = context.resource.spec
    beside = context.once(
        lambda: keep_beside(context.platform, experiment, spec, context.folder),
        stage="reading labels",
        returns=Beside,
    )
    made = context.run(
        reduce_vectors,
        *(context.platform.artifacts, experiment.result, MapOrder(spec, context.folder, beside)),
        stage="projecting",
        returns=MadeMap,
    )
    report, coordinates_uri = made.report, f"{context.folder}/coordinates.zarr"
    context.publish(
        ProjectionResult(
            coordinates_uri=coordinates_uri,
            cloud_uri=publish_cloud(context, coordinates_uri),
            image_count=report["rows"],
            trust_uri=made.trust_uri,
            figures=_figures(report),
            notes=tuple(_notes(report)),
            report=report,
            model=made.model,
            model_arrays=made.model_arrays,
        )
    )


@dataclass(frozen=True)
class MadeMap:
    """Report of a method, where the trust of its points is, and what is stored of the model; see `ProjectionResult`."""

    report: dict[str, Any]
    trust_uri: str
    model: dict[str, Any]
    model_arrays: dict[str, str]


@dataclass(frozen=True)
class MapOrder:
    """What a map is to be made by, the folder for what comes out, and what is given beside the vectors."""

    spec: ProjectionSpec
    folder: str
    beside: Beside = field(default_factory=Beside)


def reduce_vectors(
    artifacts: Artifacts, experiment: ExperimentResult, order: MapOrder, channel: TaskChannel
) -> MadeMap:
    """Reduce the vectors of an experiment; write the coordinates and the model into a folder."""
    spec, folder, beside = order.spec, order.folder, order.beside
    vectors = artifacts.read_array(experiment.vectors_uri)
    neighbours = stored_graph(
        lambda name: artifacts.read_array(f"{experiment.neighbours_uri}/{name}"),
        recall=experiment.neighbour_recall,
        recall_rows=experiment.neighbour_recall_image_count,
    )
    projection = reduce(
        vectors,
        method=spec.method,
        parameters=spec.parameters,
        neighbours=neighbours,
        targets=beside.targets(artifacts),
        earlier=beside.earlier(artifacts),
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    coordinates = np.asarray(projection.coordinates, np.float32)
    artifacts.write_array(f"{folder}/coordinates.zarr", coordinates)
    report, trust_uri = dict(projection.report), ""
    trust = measure_trust(projection.coordinates, neighbours, monitor=Monitor(channel.report, channel.should_stop))
    if trust is not None:
        trust_uri = f"{folder}/trust.zarr"
        artifacts.write_array(trust_uri, np.stack([trust.false_neighbours, trust.missed_neighbours], axis=1))
        report["trust"] = {**trust.figures(), "nearest": trust.nearest, "near": trust.near}
    if REDUCERS[spec.method].facts.restore is None:
        return MadeMap(report, trust_uri, {}, {})
    state = projection.model.state()
    uris = {name: f"{folder}/model/{name}.zarr" for name in state.arrays}
    for name, uri in uris.items():
        artifacts.write_array(uri, state.arrays[name])
    return MadeMap(report, trust_uri, dict(state.values), uris)


def _figures(report: Mapping[str, Any]) -> dict[str, float]:
    faithfulness = report["faithfulness"] or {}
    figures = {key: float(faithfulness[key]) for key in ("trustworthiness", "neighbours_kept") if key in faithfulness}
    figures |= {name: report["trust"][name] for name in TRUST_COLUMNS if "trust" in report}
    if "density_kept" in report:
        figures["density_kept"] = report["density_kept"]
    for axis, share in enumerate(report["explained_variance"] or (), 1):
        figures[f"explained_variance_{axis}"] = share
    return figures


def _notes(report: Mapping[str, Any]) -> list[str]:
    notes = [f"Preparation: {report['preparation']}."]
    graph = report.get("neighbour_graph")
    if graph:
        how = "the experiment's" if graph["source"] == "shared" else "one of its own"
        notes.append(f"Neighbour graph: {how}, {graph['k']} neighbours by {graph['metric']}, {graph_quality(graph)}.")
    if target := report.get("target"):
        name = report["parameters"].get("target") or "given"
        notes.append(
            f"Supervised by the {target['classes']} classes of '{name}', known of {target['known_rows']} of the "
            f"{report['rows']} images: groups on this map are partly those classes."
        )
    if aligned := report.get("alignment"):
        notes.append(
            f"Turned to the map '{report['parameters'].get('align_to')}' by {aligned['rows']} images, which moved by "
            f"{aligned['moved']:.0%} of its extent (0 %: the same map, 100 %: nothing in common)."
        )
    if "density_kept" in report:
        notes.append(
            "Density kept is the correlation of the logarithms of the local radii in latent space and on the map; "
            f"{report['placement']}."
        )
    if trust := report.get("trust"):
        notes.append(
            f"False and missed neighbours are of all images: of the {trust['nearest']} nearest, how many are not among "
            f"the {trust['near']} nearest on the other side, by the experiment's neighbour graph."
        )
    faithfulness = report["faithfulness"]
    if faithfulness:
        notes.append(
            f"Trustworthiness and neighbours kept are those of {faithfulness['sample_rows']} images, "
            f"{faithfulness['k']} neighbours each."
        )
    return notes
