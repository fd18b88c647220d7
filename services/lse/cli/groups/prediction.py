"""`lse prediction`: classes of all images, learnt from the labels of some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lse.cli.records import print_table
from lse.cli.resource import MADE, METHOD, Column, ResourceCommands
from lse.cli.session import ExperimentName, Seed, Session, Set, given_parameters
from lse.names import PREDICTION

if TYPE_CHECKING:
    from lse.client.resources import Prediction

__all__ = ["app"]


def _source(prediction: Prediction) -> str:
    return prediction.label_scheme.rsplit("/", 1)[-1] or f"column {prediction.label_column}"


def _classes(prediction: Prediction) -> None:
    if prediction.classes:
        rows = (
            (
                *(item.label, item.labels, item.images),
                None if item.expected_count is None else round(item.expected_count, 1),
                *(item.recall, item.balanced_count, item.balanced_recall),
            )
            for item in prediction.classes
        )
        heads = ("class", "labels", "images", "expected", "recall", "images if equally frequent", "recall if so")
        print_table(heads, rows)


commands = ResourceCommands(
    PREDICTION,
    "Classes of all images of experiments, learnt from the labels of some.",
    columns=(
        Column("state", listed=True),
        Column("method", listed=True),
        Column("learnt from", _source, listed=True),
        Column("classes", lambda prediction: len(prediction.classes), listed=True),
        Column("labels", listed=True),
        Column("balanced accuracy", lambda prediction: prediction.figures.get("balanced_accuracy"), listed=True),
        *METHOD,
        *MADE,
    ),
    details=_classes,
    standard=("list", "show", "update", "delete", "methods"),
)
app = commands.app


@commands.work("run")
def run(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the prediction.")],
    *,
    experiment: ExperimentName,
    scheme: Annotated[str | None, typer.Option("--scheme", metavar="S", help="Label scheme to learn from.")] = None,
    column: Annotated[
        str | None, typer.Option("--label-column", metavar="C", help="Column of the catalogue to learn from.")
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="linear-probe or fine-tuning; see `lse prediction methods`.")
    ] = "linear-probe",
    settings: Set = None,
    seed: Seed = None,
) -> Any:
    """Learn from the labels of some images, and predict the class of all."""
    parameters = given_parameters(settings, seed=seed)
    return session.client.predictions.run(
        name, experiment=experiment, scheme=scheme, column=column, method=method, parameters=parameters
    )
