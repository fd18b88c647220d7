"""`lse projection`: experiments arranged in two or three dimensions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lse.cli.resource import MADE, METHOD, Column, ResourceCommands
from lse.cli.session import ExperimentName, Seed, Session, Set, given_parameters
from lse.names import PROJECTION

__all__ = ["app"]

commands = ResourceCommands(
    PROJECTION,
    "Experiments arranged in two or three dimensions.",
    columns=(
        Column("state", listed=True),
        Column("method", listed=True),
        Column("dimensions", "components", listed=True),
        Column("images", listed=True),
        *METHOD,
        *MADE,
    ),
    standard=("list", "show", "update", "delete", "methods"),
)
app = commands.app


@commands.work("run")
def run(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the projection.")],
    *,
    experiment: ExperimentName,
    method: Annotated[str, typer.Option("--method", help="Projection method; see `lse projection methods`.")],
    components: Annotated[
        int | None, typer.Option("--components", min=2, max=3, help="Number of dimensions (default: 2).")
    ] = None,
    settings: Set = None,
    seed: Seed = None,
) -> Any:
    """Arrange the vectors of an experiment."""
    parameters = given_parameters(settings, n_components=components, seed=seed)
    return session.client.projections.run(name, experiment=experiment, method=method, parameters=parameters)


@commands.command("trust")
def trust(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the projection.")],
    *,
    experiment: ExperimentName,
    k: Annotated[int, typer.Option("-k", min=1, max=100_000, help="Number of points wanted.")] = 20,
) -> None:
    """List the points that the map shows most wrongly, those with the most false neighbours first."""
    table = session.client.projections.trust(experiment, name).sort_by([("false_neighbours", "descending")])
    points = table.slice(0, k).to_pylist()
    session.table(points, table.column_names, [list(point.values()) for point in points])


@commands.command("drift")
def drift(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Projection that `transform` made.")],
    *,
    experiment: ExperimentName,
    k: Annotated[int, typer.Option("-k", min=1, max=100_000, help="Number of images wanted.")] = 20,
) -> None:
    """List the images that belong least to those of the map they were placed on, the newest first."""
    for note in session.client.projections.get(experiment, name).notes:
        typer.echo(note, err=True)
    table = session.client.projections.drift(experiment, name).sort_by([("novelty", "descending")])
    points = table.slice(0, k).to_pylist()
    session.table(points, table.column_names, [list(point.values()) for point in points])


@commands.work("transform")
def transform(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Projection that stays as it is.")],
    *,
    experiment: ExperimentName,
    target: Annotated[str, typer.Option("--target", metavar="X", help="Experiment whose images are placed in it.")],
    new_name: Annotated[
        str | None, typer.Option("--name", help="Name of the new projection of the target (default: the same).")
    ] = None,
) -> Any:
    """Place the images of another experiment of the same encoder in a projection."""
    return session.client.projections.transform(
        name, experiment=experiment, target=target, name=new_name or name.rsplit("/", 1)[-1]
    )
