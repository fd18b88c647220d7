"""`lse clustering`: groups among the images of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.records import print_table
from lse.cli.session import NoWait, Session, Settings, parse_settings, service_command

if TYPE_CHECKING:
    from lse.client.resources import Clustering

__all__ = ["app"]

app = group("Groups among the images of experiments.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the clustering.")]
ExperimentName = Annotated[str, typer.Option("--experiment", metavar="X", help="Experiment.")]


@service_command(app, "run")
def run(
    session: Session,
    name: Name,
    *,
    experiment: ExperimentName,
    method: Annotated[str, typer.Option("--method", help="Clustering method; see `lse clustering methods`.")],
    on: Annotated[
        str, typer.Option("--on", metavar="latent|PROJECTION", help="The vectors, or the coordinates of a projection.")
    ] = "latent",
    settings: Settings = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")] = 0,
    no_wait: NoWait = False,
) -> None:
    """Look for groups among the images of an experiment."""
    operation = session.client.clusterings.run(
        name, experiment=experiment, method=method, on=on, settings=parse_settings(settings), seed=seed
    )
    session.finish(operation, wait=not no_wait, show=lambda clustering: _show(session, clustering))


@service_command(app, "compare")
def compare(
    session: Session,
    a: Annotated[str, typer.Argument(metavar="A", help="Clustering.")],
    b: Annotated[str | None, typer.Argument(metavar="[B]", help="Another clustering.")] = None,
    *,
    experiment: ExperimentName,
    column: Annotated[str | None, typer.Option("--column", help="Metadata column, instead of B.")] = None,
) -> None:
    """Compare two clusterings, or a clustering with a metadata column."""
    comparison = session.client.clusterings.compare(experiment, a, b, column=column)
    session.record(
        comparison,
        {
            "adjusted Rand": comparison.adjusted_rand,
            "mutual information": comparison.normalised_mutual_information,
        },
    )
    if not session.as_json:
        width = len(comparison.column_labels)
        print_table(
            ("images", *comparison.column_labels),
            (
                (label, *comparison.counts[row * width : (row + 1) * width])
                for row, label in enumerate(comparison.row_labels)
            ),
        )


@service_command(app, "list")
def list_clusterings(session: Session, *, experiment: ExperimentName) -> None:
    """List the clusterings of an experiment."""
    clusterings = session.client.clusterings.list(experiment)
    session.table(
        clusterings,
        ("name", "state", "method", "on", "clusters", "noise", "silhouette", "made"),
        (
            (
                item.id,
                item.state,
                item.method,
                item.projection.rsplit("/", 1)[-1] or "latent",
                len(item.clusters),
                item.noise,
                item.figures.get("silhouette"),
                item.create_time,
            )
            for item in clusterings
        ),
    )


@service_command(app, "show")
def show(session: Session, name: Name, *, experiment: ExperimentName) -> None:
    """Show a clustering with its clusters."""
    _show(session, session.client.clusterings.get(experiment, name))


@service_command(app, "delete")
def delete(session: Session, name: Name, *, experiment: ExperimentName) -> None:
    """Delete a clustering."""
    session.client.clusterings.delete(experiment, name)
    session.say({"deleted": name}, f"Clustering {name} is deleted.")


@service_command(app, "methods")
def methods(session: Session) -> None:
    """List the clustering methods and their parameters."""
    session.methods(session.client.clusterings.methods())


def _show(session: Session, clustering: Clustering) -> None:
    session.record(
        clustering,
        {
            "clustering": clustering.id,
            "state": clustering.state,
            "method": clustering.method,
            "on": clustering.projection.rsplit("/", 1)[-1] or "latent",
            "clusters": len(clustering.clusters),
            "noise": clustering.noise,
            "seed": clustering.seed,
            "settings": clustering.settings,
            "figures": clustering.figures,
            "notes": clustering.notes,
            "made": clustering.create_time,
            "operation": clustering.operation,
        },
    )
    if not session.as_json and clustering.clusters:
        print_table(
            ("cluster", "images", "medoid row", "mean distance", "nearest", "stands out"),
            (
                (
                    str(item.cluster),
                    item.images,
                    str(item.medoid_row),
                    item.mean_distance,
                    str(item.nearest_cluster) if item.nearest_cluster >= 0 else "",
                    item.traits,
                )
                for item in clustering.clusters
            ),
        )
