"""`lse encoder`: networks that give every image its vector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.session import NoWait, Session, Settings, parse_settings, service_command

if TYPE_CHECKING:
    from lse.client.resources import Encoder, Evaluation

__all__ = ["app"]

app = group("Networks that give every image its vector.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the encoder.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")]


@service_command(app, "train")
def train(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    method: Annotated[str, typer.Option("--method", help="Training method; see `lse encoder methods`.")],
    settings: Settings = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")] = 0,
    no_wait: NoWait = False,
) -> None:
    """Train an encoder on a dataset, without labels."""
    operation = session.client.encoders.train(
        name, dataset=dataset, method=method, settings=parse_settings(settings), seed=seed
    )
    session.finish(operation, wait=not no_wait, show=lambda encoder: _show(session, encoder))


@service_command(app, "import")
def import_onnx(
    session: Session,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="ONNX file on this machine.")],
    *,
    no_wait: NoWait = False,
) -> None:
    """Make an encoder of an ONNX file."""
    operation = session.client.encoders.import_onnx(name, file)
    session.finish(operation, wait=not no_wait, show=lambda encoder: _show(session, encoder))


@service_command(app, "pretrained")
def pretrained(
    session: Session,
    name: Name,
    backbone: Annotated[str, typer.Argument(metavar="BACKBONE", help="Backbone, such as resnet18.")],
    *,
    weights: Annotated[str | None, typer.Option("--weights", help="File of weights, as the services see it.")] = None,
    no_wait: NoWait = False,
) -> None:
    """Make an encoder of a pretrained backbone."""
    operation = session.client.encoders.pretrained(name, backbone, weights=weights)
    session.finish(operation, wait=not no_wait, show=lambda encoder: _show(session, encoder))


@service_command(app, "evaluate")
def evaluate(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    label_column: Annotated[str, typer.Option("--label-column", help="Column of the classes.")] = "class",
    no_wait: NoWait = False,
) -> None:
    """Score an encoder on a dataset against the classes of a column, with baselines beside it."""
    operation = session.client.encoders.evaluate(name, dataset=dataset, label_column=label_column)
    session.finish(operation, wait=not no_wait, show=lambda evaluation: _show_evaluation(session, evaluation))


@service_command(app, "list")
def list_encoders(session: Session) -> None:
    """List the encoders of the project."""
    encoders = session.client.encoders.list()
    session.table(
        encoders,
        ("name", "state", "method", "dataset", "dimension", "made"),
        (
            (item.id, item.state, item.method, item.dataset.rsplit("/", 1)[-1], item.dimension, item.create_time)
            for item in encoders
        ),
    )


@service_command(app, "show")
def show(session: Session, name: Name) -> None:
    """Show an encoder with its parameters and scores."""
    _show(session, session.client.encoders.get(name))


@service_command(app, "delete")
def delete(
    session: Session,
    name: Name,
    *,
    force: Annotated[bool, typer.Option("--force", help="Delete what was made with it too.")] = False,
) -> None:
    """Delete an encoder."""
    session.client.encoders.delete(name, force=force)
    session.say({"deleted": name}, f"Encoder {name} is deleted.")


@service_command(app, "methods")
def methods(session: Session) -> None:
    """List the training methods and their parameters."""
    session.methods(session.client.encoders.methods())


def _show(session: Session, encoder: Encoder) -> None:
    session.record(
        encoder,
        {
            "encoder": encoder.id,
            "state": encoder.state,
            "method": encoder.method,
            "dataset": encoder.dataset.rsplit("/", 1)[-1],
            "takes": f"{encoder.channels} channels of {encoder.image_size} pixels",
            "dimension": encoder.dimension,
            "seed": encoder.seed,
            "settings": encoder.settings,
            "figures": encoder.figures,
            "scores": [
                f"{item.dataset.rsplit('/', 1)[-1]} by {item.label_column}: {item.knn_balanced_accuracy:.3f}"
                for item in encoder.evaluations
            ],
            "notes": encoder.notes,
            "made": encoder.create_time,
            "operation": encoder.operation,
        },
    )


def _show_evaluation(session: Session, evaluation: Evaluation) -> None:
    session.record(
        evaluation,
        {
            "encoder": evaluation.encoder.rsplit("/", 1)[-1],
            "dataset": evaluation.dataset.rsplit("/", 1)[-1],
            "classes of": evaluation.label_column,
            "images": evaluation.images,
            "balanced accuracy": evaluation.knn_balanced_accuracy,
            "beside it": evaluation.baselines,
            "figures": evaluation.figures,
            "notes": evaluation.notes,
        },
    )
