"""How long a training will take and how its course is shown in a terminal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from lse.cli.records import as_data, print_json, print_rich
from lse.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from lse.cli.session import Session
    from lse.client.resources import TrainingRun

__all__ = ["curve", "say_estimate", "show_run"]

_LEVELS = "▁▂▃▄▅▆▇█"
_WIDTH = 48


def say_estimate(session: Session, dataset: str, parameters: Mapping[str, object]) -> None:
    """Say how long it takes to go on with the training of a pretrained network.

    Raises
    ------
    ResourceExhaustedError
        ``TRAINING_TOO_LARGE``: it does not fit into the memory.
    """
    found = session.client.encoders.estimate(dataset=dataset, method="pretrained", parameters=parameters)
    if not found.fits:
        raise ResourceExhaustedError(found.notes[0], reason="TRAINING_TOO_LARGE")
    typer.echo(f"Going on with its training takes about {found.minutes:.1f} minutes.", err=True)


def show_run(session: Session, run: TrainingRun, *, encoder: str) -> None:
    """Show the course of a training: all of it but the picture as JSON, or a row and a small curve a figure."""
    if session.as_json:
        data = as_data(run)
        del data["reconstructions"]
        print_json(data)
        return
    from rich.table import Table

    done, asked = len(run.epochs), run.epoch_count or "?"
    best = f", best weights of epoch {run.best_epoch}" if run.best_epoch else ""
    table = Table(title=f"{encoder}: {done} of {asked} epochs{best}", title_justify="left", caption=run.ending or None)
    table.caption_justify = "left"
    for heading in ("figure", "first", "lowest", "last"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    table.add_column("course", no_wrap=True)
    for name in run.epochs[-1] if run.epochs else ():
        values = [epoch[name] for epoch in run.epochs if name in epoch]
        shown = (f"{value:.4g}" for value in (values[0], min(values), values[-1]))
        table.add_row(name, *shown, curve(values))
    print_rich(table)


def curve(values: Sequence[float], *, width: int = _WIDTH) -> str:
    """Course of some values as a line of blocks, at most so wide; each block is the mean of a stretch of them."""
    columns = min(width, len(values))
    bounds = [round(column * len(values) / columns) for column in range(columns + 1)] if columns else [0]
    means = [math.fsum(values[first:last]) / (last - first) for first, last in itertools.pairwise(bounds)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round(top * (mean - low) / (high - low)) if high > low else 0] for mean in means)
