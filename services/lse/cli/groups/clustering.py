"""`lse clustering`: groups among the images of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lse.cli.records import print_table
from lse.cli.resource import MADE, METHOD, Column, ResourceCommands, short
from lse.cli.session import ExperimentName, Seed, Session, Set, given_parameters
from lse.errors import InvalidArgumentError
from lse.names import CLUSTERING

if TYPE_CHECKING:
    from lse.client.resources import Clustering

__all__ = ["app"]


def _clusters(clustering: Clustering) -> None:
    rows = [
        (
            str(item.cluster),
            clustering.cluster_titles.get(item.cluster, ""),
            item.images,
            str(item.medoid_row),
            item.mean_distance,
            "" if item.stability is None else f"{item.stability:.2f}",
            str(item.nearest_cluster) if item.nearest_cluster >= 0 else "",
            item.traits,
        )
        for item in clustering.clusters
    ]
    if rows:
        print_table(
            ("cluster", "title", "images", "medoid row", "mean distance", "stability", "nearest", "stands out"), rows
        )


commands = ResourceCommands(
    CLUSTERING,
    "Groups among the images of experiments.",
    columns=(
        Column("state", listed=True),
        Column("method", listed=True),
        Column("on", short("projection", empty="latent"), listed=True),
        Column("cut from", short("cut_from")),
        Column("level", lambda clustering: clustering.cut_level if clustering.cut_from else None),
        Column("clusters", lambda clustering: len(clustering.clusters), listed=True),
        Column("noise", listed=True),
        Column("silhouette", lambda clustering: clustering.figures.get("silhouette"), listed=True),
        *METHOD,
        *MADE,
    ),
    details=_clusters,
    standard=("list", "show", "update", "delete", "methods"),
)
app = commands.app


@commands.work("run")
def run(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the clustering.")],
    *,
    experiment: ExperimentName,
    method: Annotated[str, typer.Option("--method", help="Clustering method; see `lse clustering methods`.")],
    on: Annotated[
        str, typer.Option("--on", metavar="latent|PROJECTION", help="The vectors, or the coordinates of a projection.")
    ] = "latent",
    settings: Set = None,
    seed: Seed = None,
) -> Any:
    """Look for groups among the images of an experiment."""
    parameters = given_parameters(settings, seed=seed)
    return session.client.clusterings.run(name, experiment=experiment, method=method, on=on, parameters=parameters)


@commands.work("cut")
def cut(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new clustering.")],
    *,
    experiment: ExperimentName,
    source: Annotated[str, typer.Option("--from", metavar="CLUSTERING", help="Clustering that has a hierarchy.")],
    level: Annotated[float | None, typer.Option("--level", help="Level; see `lse clustering levels`.")] = None,
    n_clusters: Annotated[
        int | None, typer.Option("--n-clusters", help="The coarsest level that has so many clusters.")
    ] = None,
) -> Any:
    """Take the groups of another level of a clustering, without running it again."""
    cuts = session.client.clusterings
    return cuts.cut(name, experiment=experiment, source=source, level=level, n_clusters=n_clusters)


@commands.command("levels")
def levels(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the clustering.")],
    *,
    experiment: ExperimentName,
) -> None:
    """List the levels of a clustering's hierarchy, coarse first."""
    found = session.client.clusterings.levels(experiment, name).to_pylist()
    session.table(found, ("level", "clusters", "noise"), (tuple(row.values()) for row in found))


@commands.command("name")
def name_clusters(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the clustering.")],
    titles: Annotated[
        list[str], typer.Argument(metavar="NUMBER=TITLE…", help="What clusters are called; without a title: no more.")
    ],
    *,
    experiment: ExperimentName,
) -> None:
    """Name clusters; those with the same title are one group."""
    before = session.client.clusterings.get(experiment, name)
    given = dict(_number_and_title(text) for text in titles)
    changed = {number: title for number, title in {**before.cluster_titles, **given}.items() if title}
    clusterings = session.client.clusterings
    commands.show(session, clusterings.update(experiment, name, cluster_titles=changed, etag=before.etag))


def _number_and_title(text: str) -> tuple[int, str]:
    number, equals, title = text.partition("=")
    if not equals or not number.strip().isdecimal():
        raise InvalidArgumentError(
            f"'{text}' names no cluster: write its number, an equals sign and a title, such as 3=spirals.",
            reason="CLUSTER_TITLE_INVALID",
        )
    return int(number), title.strip()


@commands.command("compare")
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
        table = comparison.table
        print_table(("images", *table.columns), ([label, *counts] for label, *counts in table.itertuples()))
