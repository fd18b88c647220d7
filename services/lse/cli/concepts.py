"""How the concepts of a latent space are shown in a terminal, and written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lse.cli.records import as_data, print_json, print_table
from lse.errors import InvalidArgumentError
from lse.names import image_name

if TYPE_CHECKING:
    from pathlib import Path

    from lse.cli.session import Session
    from lse.client.resources import Concepts

__all__ = ["show_concepts", "write_strengths"]


def show_concepts(session: Session, found: Concepts, shown: int) -> None:
    """Show concepts: all of them as JSON, or the first in a table."""
    if session.as_json:
        print_json(as_data(found))
        return
    rows = [
        (
            each.concept,
            f"{each.image_count:,}",
            each.followed_property if each.follows else "-",
            f"{each.auroc:.2f}" if each.follows and each.auroc is not None else "-",
            ", ".join(map(image_name, each.images)),
        )
        for each in found.concepts[:shown]
    ]
    print_table(("concept", "images", "follows", "AUROC", "strongest in"), rows)
    left = len(found.concepts) - len(rows)
    typer.echo(
        f"{len(found.concepts)} concepts explain {found.explained_variance:.0%} of the directions of the vectors"
        + (f"; {left} more are not shown (--top {len(found.concepts)})." if left else ".")
    )
    for note in found.notes:
        typer.echo(note)


def write_strengths(session: Session, experiment: str, found: Concepts, out: Path, *, count: int, seed: int) -> None:
    """Write the strength of every concept in every image, one line an image.

    Raises
    ------
    InvalidArgumentError
        The name ends neither with .csv nor with .parquet.
    """
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise InvalidArgumentError(
            f"The strengths cannot be written to '{out}': end the name with .csv or .parquet.", reason="OUTPUT_INVALID"
        )
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    client = session.client
    table: pa.Table = client.experiments.vectors(experiment, columns=["name"])
    for each in found.concepts:
        strengths = client.explanations.concept_strengths(experiment, each.concept, count=count, seed=seed)
        table = table.append_column(f"concept_{each.concept}", pa.array(strengths))
    (pyarrow.csv.write_csv if out.suffix.lower() == ".csv" else pyarrow.parquet.write_table)(table, out)
    typer.echo(f"{out} is written.", err=True)
