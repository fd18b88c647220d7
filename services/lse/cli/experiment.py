"""`lse experiment`: a dataset seen through an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.session import NoWait, Session, service_command

if TYPE_CHECKING:
    from lse.client.resources import Experiment

__all__ = ["app"]

app = group("Datasets seen through encoders: one vector an image.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the experiment.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")]


@service_command(app, "encode")
def encode(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    encoder: Annotated[str, typer.Option("--encoder", metavar="E", help="Encoder.")],
    encoder_version: Annotated[
        int | None, typer.Option("--encoder-version", min=1, help="Version of the encoder; the one in use.")
    ] = None,
    neighbours: Annotated[
        int | None,
        typer.Option("--neighbours", min=2, help="Neighbours of each image in its graph; by the number of images."),
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Encode every prepared image of a dataset."""
    operation = session.client.experiments.encode(
        name, dataset=dataset, encoder=encoder, encoder_version=encoder_version, neighbours=neighbours
    )
    session.finish(operation, wait=not no_wait, show=lambda experiment: _show(session, experiment))


@service_command(app, "import")
def import_vectors(
    session: Session,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Vectors (.parquet, .npy, .npz, .h5) on this machine.")],
    *,
    dataset: DatasetName,
    no_wait: NoWait = False,
) -> None:
    """Make an experiment of ready vectors, joined by image name."""
    operation = session.client.experiments.import_vectors(name, file, dataset=dataset)
    session.finish(operation, wait=not no_wait, show=lambda experiment: _show(session, experiment))


@service_command(app, "list")
def list_experiments(session: Session) -> None:
    """List the experiments of the project."""
    experiments = session.client.experiments.list()
    session.table(
        experiments,
        ("name", "state", "dataset", "encoder", "images", "dimension", "made"),
        (
            (
                item.id,
                item.state,
                item.dataset.rsplit("/", 1)[-1],
                item.encoder.rsplit("/", 1)[-1],
                item.images,
                item.dimension,
                item.create_time,
            )
            for item in experiments
        ),
    )


@service_command(app, "show")
def show(session: Session, name: Name) -> None:
    """Show an experiment."""
    _show(session, session.client.experiments.get(name))


@service_command(app, "delete")
def delete(session: Session, name: Name) -> None:
    """Delete an experiment with its projections and clusterings."""
    session.client.experiments.delete(name)
    session.say({"deleted": name}, f"Experiment {name} is deleted.")


def _show(session: Session, experiment: Experiment) -> None:
    session.record(
        experiment,
        {
            "experiment": experiment.id,
            "state": experiment.state,
            "dataset": experiment.dataset.rsplit("/", 1)[-1],
            "encoder": experiment.encoder.rsplit("/", 1)[-1],
            "encoder version": f"{experiment.encoder_version} in {experiment.encoder_precision}"
            if experiment.encoder
            else "",
            "images": experiment.images,
            "dimension": experiment.dimension,
            "neighbours": experiment.neighbours,
            "encoded by": experiment.inference_engine,
            "search recall": experiment.search_recall,
            "notes": experiment.notes,
            "made": experiment.create_time,
            "operation": experiment.operation,
        },
    )
