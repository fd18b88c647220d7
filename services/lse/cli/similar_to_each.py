"""`lse similar-to-each`: images that look like each of many, for pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.rows import Rows, RowsFrom, parse_rows, read_text
from lse.cli.session import Session, service_command
from lse.errors import InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["register"]


def similar_to_each(
    session: Session,
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Where to search.")],
    *,
    images: Annotated[
        str | None,
        typer.Option("--images", metavar="FILE", help="File with an image a line; - is the standard input."),
    ] = None,
    rows: Rows = None,
    rows_from: RowsFrom = None,
    vectors: Annotated[
        Path | None, typer.Option("--vectors", metavar="FILE.npy", help="Vectors, a row each, on this machine.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Number of images wanted for each.")] = 10,
    filter: Annotated[  # noqa: A002  # the word of the API
        str,
        typer.Option("--filter", metavar="EXPRESSION", help="Only those that fulfil it, such as 'redshift > 0.5'."),
    ] = "",
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every vector instead of the index.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="OUT.(csv|parquet)", help="File to write instead of a table.")
    ] = None,
) -> None:
    """Find the most similar images of each of many.

    The column `query` counts the images, rows or vectors given, from 0; an image is none of its own matches.
    """
    by_rows = rows is not None or rows_from is not None
    if sum((images is not None, by_rows, vectors is not None)) != 1:
        raise InvalidArgumentError(
            "Give exactly one of --images, --rows, --rows-from and --vectors.", reason="QUERY_INVALID"
        )
    if out is not None and out.suffix not in {".csv", ".parquet"}:
        raise InvalidArgumentError(
            f"The file '{out}' is neither .csv nor .parquet: choose one of them.", reason="FORMAT_UNKNOWN"
        )
    table = session.client.search.similar_to_each(
        experiment,
        images=None if images is None else [line.strip() for line in read_text(images).splitlines() if line.strip()],
        rows=parse_rows(rows, rows_from) if by_rows else None,
        vectors=None if vectors is None else _vectors(vectors),
        k=k,
        filter=filter,
        exact=exact,
    )
    if out is not None:
        _write(table, out)
        session.say({"file": out, "matches": table.num_rows}, f"{out} is written ({table.num_rows:,} matches).")
        return
    found = table.to_pylist()
    columns = ("query", "name", "row", "similarity")
    lines = ([f"{each[key]:.4f}" if key == "similarity" else each[key] for key in columns] for each in found)
    session.table(found, columns, lines)


def _vectors(path: Path) -> npt.NDArray[np.floating]:
    import numpy as np

    try:
        found: npt.NDArray[np.floating] = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise NotFoundError(f"There is no file '{path}': correct the path.", reason="FILE_NOT_FOUND") from None
    except (OSError, ValueError) as error:
        raise InvalidArgumentError(f"The file '{path}' cannot be read ({error}).", reason="FILE_UNREADABLE") from error
    return found


def _write(table: pa.Table, out: Path) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if out.suffix == ".csv":
            pyarrow.csv.write_csv(table, out)
        else:
            pyarrow.parquet.write_table(table, out)
    except OSError as error:
        raise InvalidArgumentError(
            f"The file '{out}' cannot be written ({error.strerror or error}): choose another place.",
            reason="FILE_UNWRITABLE",
            path=out,
        ) from error


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "similar-to-each")(similar_to_each)
