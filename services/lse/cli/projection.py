"""`lse projection`: experiments arranged in two or three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.session import NoWait, Session, Settings, parse_settings, service_command

if TYPE_CHECKING:
    from lse.client.resources import Projection

__all__ = ["app"]

app = group("Experiments arranged in two or three dimensions.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the projection.")]
ExperimentName = Annotated[str, typer.Option("--experiment", metavar="X", help="Experiment.")]


@service_command(app, "run")
def run(
    session: Session,
    name: Name,
    *,
    experiment: ExperimentName,
    method: Annotated[str, typer.Option("--method", help="Projection method; see `lse projection methods`.")],
    components: Annotated[int, typer.Option("--components", min=2, max=3, help="Dimensions, 2 or 3.")] = 2,
    settings: Settings = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")] = 0,
    no_wait: NoWait = False,
) -> None:
    """Arrange the vectors of an experiment."""
    operation = session.client.projections.run(
        name,
        experiment=experiment,
        method=method,
        components=components,
        settings=parse_settings(settings),
        seed=seed,
    )
    session.finish(operation, wait=not no_wait, show=lambda projection: _show(session, projection))


@service_command(app, "transform")
def transform(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Projection that stays as it is.")],
    *,
    experiment: ExperimentName,
    target: Annotated[str, typer.Option("--target", metavar="X", help="Experiment whose images are placed in it.")],
    new_name: Annotated[
        str | None, typer.Option("--name", help="Name of the new projection of the target; the same when not given.")
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Place the images of another experiment of the same encoder in a projection."""
    operation = session.client.projections.transform(
        name, experiment=experiment, target=target, name=new_name or name.rsplit("/", 1)[-1]
    )
    session.finish(operation, wait=not no_wait, show=lambda projection: _show(session, projection))


@service_command(app, "list")
def list_projections(session: Session, *, experiment: ExperimentName) -> None:
    """List the projections of an experiment."""
    projections = session.client.projections.list(experiment)
    session.table(
        projections,
        ("name", "state", "method", "dimensions", "images", "made"),
        ((item.id, item.state, item.method, item.components, item.images, item.create_time) for item in projections),
    )


@service_command(app, "show")
def show(session: Session, name: Name, *, experiment: ExperimentName) -> None:
    """Show a projection with its parameters and figures."""
    _show(session, session.client.projections.get(experiment, name))


@service_command(app, "delete")
def delete(session: Session, name: Name, *, experiment: ExperimentName) -> None:
    """Delete a projection."""
    session.client.projections.delete(experiment, name)
    session.say({"deleted": name}, f"Projection {name} is deleted.")


@service_command(app, "methods")
def methods(session: Session) -> None:
    """List the projection methods and their parameters."""
    session.methods(session.client.projections.methods())


def _show(session: Session, projection: Projection) -> None:
    session.record(
        projection,
        {
            "projection": projection.id,
            "state": projection.state,
            "method": projection.method,
            "dimensions": projection.components,
            "images": projection.images,
            "seed": projection.seed,
            "settings": projection.settings,
            "figures": projection.figures,
            "notes": projection.notes,
            "made": projection.create_time,
            "operation": projection.operation,
        },
    )
