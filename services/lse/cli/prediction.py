"""`lse prediction`: classes of all images, learnt from the labels of some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.records import print_table
from lse.cli.session import NoWait, Session, Settings, parse_settings, service_command

if TYPE_CHECKING:
    from lse.client.resources import Prediction

__all__ = ["app"]

app = group("Classes of all images of experiments, learnt from the labels of some.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the prediction.")]
ExperimentName = Annotated[str, typer.Option("--experiment", metavar="X", help="Experiment.")]


@service_command(app, "run")
def run(
    session: Session,
    name: Name,
    *,
    experiment: ExperimentName,
    scheme: Annotated[str | None, typer.Option("--scheme", metavar="S", help="Label scheme to learn from.")] = None,
    column: Annotated[
        str | None, typer.Option("--label-column", metavar="C", help="Column of the catalogue to learn from.")
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="linear-probe or fine-tuning; see `lse prediction methods`.")
    ] = "linear-probe",
    settings: Settings = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")] = 0,
    no_wait: NoWait = False,
) -> None:
    """Learn from the labels of some images, and predict the class of all."""
    operation = session.client.predictions.run(
        name,
        experiment=experiment,
        scheme=scheme,
        column=column,
        method=method,
        settings=parse_settings(settings),
        seed=seed,
    )
    session.finish(operation, wait=not no_wait, show=lambda prediction: _show(session, prediction))


@service_command(app, "list")
def list_predictions(session: Session, *, experiment: ExperimentName) -> None:
    """List the predictions of an experiment."""
    predictions = session.client.predictions.list(experiment)
    session.table(
        predictions,
        ("name", "state", "method", "learnt from", "classes", "labels", "balanced accuracy", "made"),
        (
            (
                item.id,
                item.state,
                item.method,
                _source(item),
                len(item.classes),
                item.labels,
                item.figures.get("balanced_accuracy"),
                item.create_time,
            )
            for item in predictions
        ),
    )


@service_command(app, "show")
def show(session: Session, name: Name, *, experiment: ExperimentName) -> None:
    """Show a prediction with its classes."""
    _show(session, session.client.predictions.get(experiment, name))


@service_command(app, "delete")
def delete(session: Session, name: Name, *, experiment: ExperimentName) -> None:
    """Delete a prediction."""
    session.client.predictions.delete(experiment, name)
    session.say({"deleted": name}, f"Prediction {name} is deleted.")


@service_command(app, "methods")
def methods(session: Session) -> None:
    """List the ways to learn from labels and their parameters."""
    session.methods(session.client.predictions.methods())


def _source(prediction: Prediction) -> str:
    return prediction.label_scheme.rsplit("/", 1)[-1] or f"column {prediction.label_column}"


def _show(session: Session, prediction: Prediction) -> None:
    session.record(
        prediction,
        {
            "prediction": prediction.id,
            "state": prediction.state,
            "method": prediction.method,
            "learnt from": _source(prediction),
            "labels": prediction.labels,
            "seed": prediction.seed,
            "settings": prediction.settings,
            "figures": prediction.figures,
            "notes": prediction.notes,
            "made": prediction.create_time,
            "operation": prediction.operation,
        },
    )
    if not session.as_json and prediction.classes:
        print_table(
            ("class", "labels", "images", "recognised"),
            ((item.label, item.labels, item.images, item.recall) for item in prediction.classes),
        )
